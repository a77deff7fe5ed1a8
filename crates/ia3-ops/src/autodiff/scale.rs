//! `x ⊙ l`.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};

use super::Tracked;
use super::parents::{ids, register};
use crate::flex::scale;
use crate::flex::tensor::Primitive;

pub(super) fn forward<C: CheckpointStrategy>(x: Tracked<C>, l: Tracked<C>) -> Tracked<C> {
    let nodes = [x.node(), l.node()];
    // Without trained vectors the backward pass does not need the input.
    let kept = l.is_tracked().then(|| x.clone().into_primitive());
    let (x, l) = (x.into_primitive(), l.into_primitive());
    let y = scale::apply(x, l.clone());
    match ScaleBackward.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish((kept, l), y),
        OpsKind::UnTracked(prepared) => prepared.finish(y),
    }
}

#[derive(Debug)]
struct ScaleBackward;

impl Backward<Flex, 2> for ScaleBackward {
    /// `x`, if `l` wants a gradient, and `l`.
    type State = (Option<Primitive>, Primitive);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let g = grads.consume::<Flex>(&ops.node);
        let parents = ids(&ops);
        let (x, l) = ops.state;
        let of_l = x.map(|x| scale::gradient_of_factors(x, &l, &g));
        let gradients = [parents[0].map(|_| scale::apply(g, l)), of_l];
        register(parents, gradients, grads);
    }
}
