//! Negative log-likelihoods.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};

use super::Tracked;
use crate::flex::Targets;
use crate::flex::nll::{self, Stats};
use crate::flex::tensor::{Primitive, contiguous};

pub(super) fn forward<C: CheckpointStrategy>(logits: Tracked<C>, targets: Targets) -> Tracked<C> {
    match NllBackward.prepare::<C>([logits.node()]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let logits = contiguous(logits.into_primitive());
            let (losses, stats) = nll::losses(&logits, &targets);
            prepared.finish((logits, targets, stats), losses)
        }
        OpsKind::UnTracked(prepared) => {
            prepared.finish(nll::losses(&contiguous(logits.into_primitive()), &targets).0)
        }
    }
}

#[derive(Debug)]
struct NllBackward;

impl Backward<Flex, 1> for NllBackward {
    type State = (Primitive, Targets, Vec<Stats>);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let g = grads.consume::<Flex>(&ops.node);
        let (logits, targets, stats) = ops.state;
        if let Some(parent) = &ops.parents[0] {
            grads.register::<Flex>(parent.id, nll::gradient(logits, &targets, &stats, g));
        }
    }
}
