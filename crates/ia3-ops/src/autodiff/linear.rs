//! `x·w + b`.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};

use super::Tracked;
use super::parents::{ids, register};
use crate::flex::linear;
use crate::flex::tensor::Primitive;

pub(super) fn forward<C: CheckpointStrategy>(x: Tracked<C>, w: Tracked<C>, b: Tracked<C>) -> Tracked<C> {
    let nodes = [x.node(), w.node(), b.node()];
    // The input of a frozen layer is not kept.
    let kept = w.is_tracked().then(|| x.clone().into_primitive());
    let [x, w, b] = [x, w, b].map(Tracked::<C>::into_primitive);
    let y = linear::apply(x, &w, b);
    match LinearBackward.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish((kept, w), y),
        OpsKind::UnTracked(prepared) => prepared.finish(y),
    }
}

#[derive(Debug)]
struct LinearBackward;

impl Backward<Flex, 3> for LinearBackward {
    /// `x`, if `w` wants a gradient, and `w`.
    type State = (Option<Primitive>, Primitive);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let g = grads.consume::<Flex>(&ops.node);
        let parents = ids(&ops);
        let (x, w) = ops.state;
        let [of_x, _, of_b] = parents.map(|parent| parent.is_some());
        let gradients = linear::gradient(x, &w, g, [of_x, of_b]);
        register(parents, gradients, grads);
    }
}
