//! Normalised rows times `gamma`, plus `beta`.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use ia3_kernels::norm::Norm;

use super::Tracked;
use super::parents::{ids, register};
use crate::flex::norm as kernel;
use crate::flex::tensor::Primitive;

pub(super) fn forward<C: CheckpointStrategy>(
    x: Tracked<C>,
    gamma: Tracked<C>,
    beta: Tracked<C>,
    norm: Norm,
) -> Tracked<C> {
    let nodes = [x.node(), gamma.node(), beta.node()];
    let [x, gamma, beta] = [x, gamma, beta].map(Tracked::<C>::into_primitive);
    let y = kernel::apply(x.clone(), gamma.clone(), beta, norm);
    match NormBackward.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish((x, gamma, norm), y),
        OpsKind::UnTracked(prepared) => prepared.finish(y),
    }
}

#[derive(Debug)]
struct NormBackward;

impl Backward<Flex, 3> for NormBackward {
    /// `x`, `gamma`.
    type State = (Primitive, Primitive, Norm);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let g = grads.consume::<Flex>(&ops.node);
        let parents = ids(&ops);
        let (x, gamma, norm) = ops.state;
        let wanted = parents.map(|parent| parent.is_some());
        register(parents, kernel::gradient([&x, &gamma], norm, g, wanted), grads);
    }
}
