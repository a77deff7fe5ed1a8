use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

/// Scales all gradients of `module` so that their joint L2 norm is at most `max_norm`. Returns the gradients, and the norm
/// before scaling.
///
/// It computes `g·min(1, max_norm / (norm + 1e-6))`, as `torch.nn.utils.clip_grad_norm_` does. burn's own clipping is per
/// tensor.
pub fn clip_grad_norm<M: Module>(
    grads: GradientsParams,
    module: &M,
    max_norm: f32,
) -> (GradientsParams, f32) {
    clip_grad_norm_of(grads, module, max_norm, |_| true)
}

/// As [`clip_grad_norm`], for the gradients of the parameters for which `of` is true. The others do not change.
pub(crate) fn clip_grad_norm_of<M: Module>(
    grads: GradientsParams,
    module: &M,
    max_norm: f32,
    of: impl Fn(ParamId) -> bool,
) -> (GradientsParams, f32) {
    let mut squares = Squares { grads: &grads, of: &of, sums: vec![] };
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
    let mut scale = Scale { grads, of: &of, factor };
    module.visit(&mut scale);
    (scale.grads, norm)
}

struct Squares<'a, F> {
    grads: &'a GradientsParams,
    of: &'a F,
    sums: Vec<Tensor<1>>,
}

impl<F: Fn(ParamId) -> bool> ModuleVisitor for Squares<'_, F> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if (self.of)(param.id) {
            self.sums.extend(self.grads.get::<D>(param.id).map(|g| g.square().sum()));
        }
    }
}

struct Scale<'a, F> {
    grads: GradientsParams,
    of: &'a F,
    factor: f32,
}

impl<F: Fn(ParamId) -> bool> ModuleVisitor for Scale<'_, F> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !(self.of)(param.id) {
            return;
        }
        if let Some(grad) = self.grads.remove::<D>(param.id) {
            self.grads.register(param.id, grad.mul_scalar(self.factor));
        }
    }
}
