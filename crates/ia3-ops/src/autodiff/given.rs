//! Losses of rows whose gradients are known.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::ops::FloatTensorOps;
use burn::backend::{Flex, TensorMetadata};

use super::Tracked;
use crate::flex::tensor::Primitive;

pub(super) fn forward<C: CheckpointStrategy>(
    losses: Tracked<C>,
    x: Tracked<C>,
    gradient: Tracked<C>,
) -> Tracked<C> {
    let losses = losses.into_primitive();
    match GivenBackward.prepare::<C>([x.node()]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish(gradient.into_primitive(), losses),
        OpsKind::UnTracked(prepared) => prepared.finish(losses),
    }
}

#[derive(Debug)]
struct GivenBackward;

impl Backward<Flex, 1> for GivenBackward {
    /// The gradient of the sum of the losses.
    type State = Primitive;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let g = grads.consume::<Flex>(&ops.node);
        if let Some(parent) = &ops.parents[0] {
            let rows = g.shape().num_elements();
            let g = Flex::float_reshape(g, [rows, 1].into());
            grads.register::<Flex>(parent.id, Flex::float_mul(ops.state, g));
        }
    }
}
