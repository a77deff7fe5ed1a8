//! Tensors between the graph of a model and that of a block.

use burn::backend::autodiff::grads::Gradients;
use burn::backend::ops::FloatTensorOps;
use burn::backend::{
    Autodiff, BackendTensor, DispatchAutodiffContext, DispatchTensor, DispatchTensorKind, Flex,
    TensorMetadata, tensor::FloatTensor,
};
use burn::tensor::Tensor;

use crate::flex::tensor::Primitive;

/// A tensor of `flex` with autodiff.
pub(super) type Tracked = FloatTensor<Autodiff<Flex>>;

/// The values of `x` without its graph.
pub(super) fn constant<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.set_require_grad(false)
}

/// The tensor of `flex` that lies in `x`, if autodiff is on.
pub(super) fn tracked_of<const D: usize>(x: Tensor<D>) -> Option<Tracked> {
    let DispatchTensorKind::Autodiff(kind) = x.into_dispatch().kind else { return None };
    match *kind {
        DispatchTensorKind::Flex(BackendTensor::Autodiff(tensor)) => Some(tensor),
        _ => None,
    }
}

/// The gradients of the leaves of `y` for its own gradient `g`; `None` if it has no leaves.
pub(super) fn backward<const D: usize>(y: Tensor<D>, g: Primitive) -> Option<Gradients> {
    let kind = DispatchTensorKind::Flex(BackendTensor::Float(g));
    let g = Tensor::from_dispatch(DispatchTensor { kind, autodiff: DispatchAutodiffContext::Disabled });
    tracked_of((y * g).sum()).filter(Tracked::is_tracked).map(Tracked::backward)
}

/// The gradient of a leaf; 0 where the result does not depend on it.
pub(super) fn gradient<const D: usize>(leaf: &Tensor<D>, grads: &mut Gradients) -> Option<Primitive> {
    let leaf = tracked_of(leaf.clone())?;
    let zeros = || Flex::float_zeros(leaf.shape(), &leaf.device(), leaf.dtype().into());
    Some(leaf.grad_remove(grads).unwrap_or_else(zeros))
}
