//! Attention.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};

use super::Tracked;
use super::parents::{ids, register};
use crate::flex::attention::{self, Stats};
use crate::flex::tensor::{Primitive, rows_contiguous};

pub(super) fn forward<C: CheckpointStrategy>(
    qkv: [Tracked<C>; 3],
    bias: Tracked<C>,
    scale: f32,
) -> Tracked<C> {
    let nodes = qkv.each_ref().map(|x| x.node());
    let bias = rows_contiguous(bias.into_primitive());
    let qkv = qkv.map(Tracked::<C>::into_primitive);
    let (out, stats) = attention::apply(qkv.each_ref(), &bias, scale);
    match AttentionBackward.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish(State { qkv, bias, scale, stats }, out),
        OpsKind::UnTracked(prepared) => prepared.finish(out),
    }
}

#[derive(Debug)]
struct AttentionBackward;

#[derive(Clone, Debug)]
struct State {
    qkv: [Primitive; 3],
    bias: Primitive,
    scale: f32,
    stats: Stats,
}

impl Backward<Flex, 3> for AttentionBackward {
    type State = State;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let g = grads.consume::<Flex>(&ops.node);
        let parents = ids(&ops);
        let State { qkv, bias, scale, stats } = ops.state;
        let wanted = parents.map(|parent| parent.is_some());
        let gradients = attention::gradient(qkv.each_ref(), &bias, scale, &stats, &g, wanted);
        register(parents, gradients, grads);
    }
}
