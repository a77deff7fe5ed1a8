//! A block that is run again in the backward pass.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};

use super::Tracked;
use super::parents::{ids, register};
use crate::flex::{Again, BLOCK_INPUTS, BlockGradients};

pub(super) fn forward<C: CheckpointStrategy>(
    y: Tracked<C>,
    inputs: [Tracked<C>; BLOCK_INPUTS],
    leaf: Tracked<C>,
    again: Again,
) -> Tracked<C> {
    let [first, second, third, fourth] = inputs.map(|input| input.node());
    let nodes = [first, second, third, fourth, leaf.node()];
    let y = y.into_primitive();
    match CheckpointBackward.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish(again, y),
        OpsKind::UnTracked(prepared) => prepared.finish(y),
    }
}

#[derive(Debug)]
struct CheckpointBackward;

impl Backward<Flex, { BLOCK_INPUTS + 1 }> for CheckpointBackward {
    type State = Again;

    /// The parameters are leaves of the graph, whose gradients are registered without being parents: no step has to follow.
    fn backward(self, ops: Ops<Again, { BLOCK_INPUTS + 1 }>, grads: &mut Gradients, _: &mut Checkpointer) {
        let g = grads.consume::<Flex>(&ops.node);
        let [first, second, third, fourth, _] = ids(&ops);
        let BlockGradients { inputs, parameters } = ops.state.gradients(g);
        register([first, second, third, fourth], inputs, grads);
        for (parameter, gradient) in parameters {
            grads.register::<Flex>(parameter, gradient);
        }
    }
}
