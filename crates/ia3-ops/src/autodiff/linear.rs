//! `x·w + b`.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::ops::FloatTensorOps;

use super::{Tracked, ids, register};
use crate::extension::{FastOps, Primitive, contiguous, last_dim, new, sum_of_rows};
use crate::matrix;

pub(super) fn forward<C: CheckpointStrategy>(x: Tracked<C>, w: Tracked<C>, b: Tracked<C>) -> Tracked<C> {
    let nodes = [x.node(), w.node(), b.node()];
    // What a frozen layer is given is not kept.
    let kept = w.is_tracked().then(|| x.clone().into_primitive());
    let [x, w, b] = [x, w, b].map(Tracked::<C>::into_primitive);
    let y = Flex::fast_linear(x, w.clone(), b);
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
        let g = contiguous(grads.consume::<Flex>(&ops.node));
        let parents = ids(&ops);
        let (x, w) = ops.state;
        let [of_x, _, of_b] = parents.map(|parent| parent.is_some());
        let gradients = [
            of_x.then(|| matrix::product(g.clone(), &w.transpose(0, 1))),
            x.map(|x| Flex::float_matmul(x.transpose(0, 1), g.clone())),
            of_b.then(|| new(sum_of_rows(g.storage(), last_dim(&g)), vec![last_dim(&g)])),
        ];
        register(parents, gradients, grads);
    }
}
