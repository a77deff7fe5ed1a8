//! The parents of an operation, and the gradients that they get.

use burn::backend::Flex;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::Ops;

use crate::flex::tensor::Primitive;

/// The parents that want a gradient.
pub(super) fn ids<S, const N: usize>(ops: &Ops<S, N>) -> [Option<NodeId>; N] {
    ops.parents.each_ref().map(|parent| parent.as_ref().map(|node| node.id))
}

/// Gives each parent that wants a gradient its own.
pub(super) fn register<const N: usize>(
    parents: [Option<NodeId>; N],
    gradients: [Option<Primitive>; N],
    grads: &mut Gradients,
) {
    for (parent, gradient) in parents.into_iter().zip(gradients) {
        if let (Some(parent), Some(gradient)) = (parent, gradient) {
            grads.register::<Flex>(parent, gradient);
        }
    }
}
