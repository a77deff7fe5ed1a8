use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;

/// Whether all values are finite of every trained parameter for which `of` is true.
pub(crate) fn is_finite<M: Module>(module: &M, of: impl Fn(ParamId) -> bool) -> bool {
    let mut zeros = Zeros { of, sums: vec![] };
    module.visit(&mut zeros);
    zeros.sums.is_empty() || Tensor::cat(zeros.sums, 0).sum().into_scalar::<f32>() == 0.0
}

struct Zeros<F> {
    of: F,
    /// `Σ 0·x` of each parameter: 0, or NaN if a value is not finite.
    sums: Vec<Tensor<1>>,
}

impl<F: Fn(ParamId) -> bool> ModuleVisitor for Zeros<F> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() && (self.of)(param.id) {
            let values = param.base().detach().without_autodiff();
            self.sums.push(values.mul_scalar(0.0).sum().cast(burn::tensor::DType::F32));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::module::Param;
    use burn::nn::LinearConfig;
    use burn::tensor::Device;

    #[test]
    fn one_value_is_enough() {
        let device = Device::flex();
        let linear = |value: f32| {
            let mut linear = LinearConfig::new(2, 2).init(&device);
            linear.weight = Param::from_tensor(Tensor::from_floats([[1.0, value], [3e38, 3e38]], &device));
            linear.train()
        };
        assert!(is_finite(&linear(-3e38), |_| true));
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let broken = linear(value);
            assert!(!is_finite(&broken, |_| true));
            assert!(is_finite(&broken, |id| id != broken.weight.id));
        }
    }
}
