//! Products with weights that stay integers.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};

use super::Tracked;
use crate::flex::form::Quantized;
use crate::flex::quantized;

/// The product is that of the floats, tracked or not: below the first vector nothing is tracked, and training is exact.
pub(super) fn forward<C: CheckpointStrategy>(x: Tracked<C>, weight: Quantized) -> Tracked<C> {
    match QuantizedBackward.prepare::<C>([x.node()]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let y = quantized::product(x.into_primitive(), &weight, true);
            prepared.finish(weight, y)
        }
        OpsKind::UnTracked(prepared) => {
            prepared.finish(quantized::product(x.into_primitive(), &weight, true))
        }
    }
}

#[derive(Debug)]
struct QuantizedBackward;

impl Backward<Flex, 1> for QuantizedBackward {
    /// The integers.
    type State = Quantized;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let g = grads.consume::<Flex>(&ops.node);
        if let Some(parent) = &ops.parents[0] {
            grads.register::<Flex>(parent.id, quantized::gradient(g, &ops.state));
        }
    }
}
