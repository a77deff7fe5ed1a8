//! Activations.

use burn::backend::Flex;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use ia3_kernels::activation::Activation;

use super::Tracked;
use crate::flex::activation;
use crate::flex::tensor::Primitive;

pub(super) fn forward<C: CheckpointStrategy>(x: Tracked<C>, op: Activation) -> Tracked<C> {
    match ActivationBackward.prepare::<C>([x.node()]).compute_bound().stateful() {
        OpsKind::Tracked(mut prepared) => {
            let node = prepared.checkpoint(&x);
            prepared.finish((node, op), activation::apply(x.into_primitive(), op))
        }
        OpsKind::UnTracked(prepared) => prepared.finish(activation::apply(x.into_primitive(), op)),
    }
}

#[derive(Debug)]
struct ActivationBackward;

impl Backward<Flex, 1> for ActivationBackward {
    /// Where the input is kept, and the activation.
    type State = (NodeId, Activation);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let g = grads.consume::<Flex>(&ops.node);
        let (node, op) = ops.state;
        let x: Primitive = checkpointer.retrieve_node_output(node);
        if let Some(parent) = &ops.parents[0] {
            grads.register::<Flex>(parent.id, activation::gradient(op, x, g));
        }
    }
}
