//! `x ⊙ l`.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};

use super::{Tracked, ids, register};
use crate::extension::{FastOps, Primitive, scale_gradient};

pub(super) fn forward<C: CheckpointStrategy>(x: Tracked<C>, l: Tracked<C>) -> Tracked<C> {
    let nodes = [x.node(), l.node()];
    // Vectors that are not trained need no input again.
    let kept = l.is_tracked().then(|| x.clone().into_primitive());
    let (x, l) = (x.into_primitive(), l.into_primitive());
    let y = Flex::fast_scale(x, l.clone());
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
        let gradients = scale_gradient(x, &l, g, parents[0].is_some());
        register(parents, gradients, grads);
    }
}
