use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

/// Scales all gradients of `module` so that their joint L2 norm is at most `max_norm`; returns the norm before.
///
/// `g·min(1, max_norm / (norm + 1e-6))`, as `torch.nn.utils.clip_grad_norm_`. Burn's own clipping is per tensor.
pub fn clip_grad_norm<M: Module>(
    grads: GradientsParams,
    module: &M,
    max_norm: f32,
) -> (GradientsParams, f32) {
    let mut squares = Squares { grads: &grads, sums: vec![] };
    module.visit(&mut squares);
    let sums = squares.sums;
    if sums.is_empty() {
        return (grads, 0.0);
    }
    let norm = Tensor::cat(sums, 0).sum().sqrt().into_scalar::<f32>();
    let factor = max_norm / (norm + 1e-6);
    if factor >= 1.0 {
        return (grads, norm);
    }
    let mut scale = Scale { grads, factor };
    module.visit(&mut scale);
    (scale.grads, norm)
}

struct Squares<'a> {
    grads: &'a GradientsParams,
    sums: Vec<Tensor<1>>,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.sums.extend(self.grads.get::<D>(param.id).map(|g| g.square().sum()));
    }
}

struct Scale {
    grads: GradientsParams,
    factor: f32,
}

impl ModuleVisitor for Scale {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(grad) = self.grads.remove::<D>(param.id) {
            self.grads.register(param.id, grad.mul_scalar(self.factor));
        }
    }
}
