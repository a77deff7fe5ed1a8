//! Softmax over the last axis.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};

use super::Tracked;
use crate::flex::softmax;
use crate::flex::tensor::Primitive;

pub(super) fn forward<C: CheckpointStrategy>(x: Tracked<C>) -> Tracked<C> {
    match SoftmaxBackward.prepare::<C>([x.node()]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let y = softmax::apply(x.into_primitive());
            prepared.finish(y.clone(), y)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(softmax::apply(x.into_primitive())),
    }
}

#[derive(Debug)]
struct SoftmaxBackward;

impl Backward<Flex, 1> for SoftmaxBackward {
    /// The result.
    type State = Primitive;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let g = grads.consume::<Flex>(&ops.node);
        if let Some(parent) = &ops.parents[0] {
            grads.register::<Flex>(parent.id, softmax::gradient(ops.state, g));
        }
    }
}
