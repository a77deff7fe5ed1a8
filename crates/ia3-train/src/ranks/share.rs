//! Gradients summed over ranks.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Tensor, TensorData};

use super::Communicator;

/// What one rank, or all together, computed of a step.
pub(crate) struct Share {
    /// Of each task the sum of the losses of the micro-batches, each divided by their number in the step.
    pub(crate) losses: Vec<f32>,
    /// Real tokens.
    pub(crate) tokens: usize,
    /// Of the sum of `losses`.
    pub(crate) grads: GradientsParams,
}

/// The sum of all ranks' shares, and how many ranks have none.
///
/// One message: whether this rank failed, tokens, the losses of `tasks`, and for each parameter in the order of the module, which is the
/// same on all ranks as the parameters' identities are not, whether it has a gradient and its values. The number of
/// tokens is exact to 2²⁴.
pub(crate) fn together<M: Module>(
    own: Option<Share>,
    tasks: usize,
    module: &M,
    ranks: &dyn Communicator,
) -> (Share, usize) {
    let failed = own.is_none();
    let own =
        own.unwrap_or_else(|| Share { losses: vec![0.0; tasks], tokens: 0, grads: GradientsParams::new() });
    let head = [&[f32::from(failed), own.tokens as f32], own.losses.as_slice()].concat();
    let mut writer = Writer { grads: own.grads, values: head };
    module.visit(&mut writer);
    let Writer { grads, mut values } = writer;
    ranks.all_reduce_sum(&mut values);
    let (losses, gradients) = values[2..].split_at(tasks);
    let mut reader = Reader { grads, values: gradients };
    module.visit(&mut reader);
    let sum = Share { losses: losses.to_vec(), tokens: values[1] as usize, grads: reader.grads };
    (sum, values[0] as usize)
}

struct Writer {
    grads: GradientsParams,
    values: Vec<f32>,
}

impl ModuleVisitor for Writer {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !param.is_require_grad() {
            return;
        }
        match self.grads.get::<D>(param.id) {
            Some(grad) => {
                self.values.push(1.0);
                self.values.extend(grad.cast(DType::F32).into_data().iter::<f32>());
            }
            None => self.values.resize(self.values.len() + 1 + param.base().shape().num_elements(), 0.0),
        }
    }
}

struct Reader<'a> {
    grads: GradientsParams,
    values: &'a [f32],
}

impl ModuleVisitor for Reader<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !param.is_require_grad() {
            return;
        }
        let like = param.base().detach().without_autodiff();
        let (own, rest) = self.values.split_at(1 + like.shape().num_elements());
        self.values = rest;
        self.grads.remove::<D>(param.id);
        if own[0] > 0.0 {
            let data = TensorData::new(own[1..].to_vec(), like.shape());
            let grad = Tensor::<D>::from_data(data, (&like.device(), like.dtype()));
            self.grads.register(param.id, grad);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::module::Module;
    use burn::nn::LinearConfig;
    use burn::tensor::Device;
    use std::cell::RefCell;

    /// Two ranks, of which the other sent `other`.
    #[derive(Debug)]
    struct Two {
        other: Vec<f32>,
        sent: RefCell<Vec<f32>>,
    }

    impl Communicator for Two {
        fn rank(&self) -> usize {
            0
        }
        fn size(&self) -> usize {
            2
        }
        fn all_reduce_sum(&self, values: &mut [f32]) {
            *self.sent.borrow_mut() = values.to_vec();
            values.iter_mut().zip(&self.other).for_each(|(value, other)| *value += other);
        }
        fn broadcast(&self, bytes: Vec<u8>) -> Vec<u8> {
            bytes
        }
    }

    #[test]
    fn one_message_carries_all_and_what_no_rank_has_stays_absent() {
        let linear = LinearConfig::new(1, 2).init(&Device::flex()).train();
        let mut grads = GradientsParams::new();
        let two = |values: [f32; 2]| Tensor::<2>::from_floats([values], &Device::flex());
        grads.register(linear.weight.id, two([1.0, 2.0]));
        let own = Share { losses: vec![0.5, 2.0], tokens: 7, grads };
        let other = vec![1.0, 5.0, 0.25, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let ranks = Two { other, sent: RefCell::default() };
        let (sum, failed) = together(Some(own), 2, &linear, &ranks);
        assert_eq!(*ranks.sent.borrow(), [0.0, 7.0, 0.5, 2.0, 1.0, 1.0, 2.0, 0.0, 0.0, 0.0]);
        assert_eq!((sum.losses, sum.tokens, failed), (vec![0.75, 3.0], 12, 1));
        let bias = linear.bias.as_ref().unwrap().id;
        assert_eq!(sum.grads.get::<2>(linear.weight.id).unwrap().into_data(), two([1.0, 2.0]).into_data());
        assert!(sum.grads.get::<1>(bias).is_none());

        let ranks =
            Two { other: vec![0.0, 0.0, 0.0, 1.0, 3.0, 4.0, 1.0, 5.0, 6.0], sent: RefCell::default() };
        let (sum, failed) = together(None, 1, &linear, &ranks);
        assert_eq!(failed, 1);
        assert_eq!(sum.grads.get::<2>(linear.weight.id).unwrap().into_data(), two([3.0, 4.0]).into_data());
        assert_eq!(sum.grads.get::<1>(bias).unwrap().into_data(), TensorData::from([5.0f32, 6.0]));
    }
}
