//! The backward of the operations.

mod linear;
mod norm;
mod scale;

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{Autodiff, Flex, tensor::FloatTensor};

use crate::extension::{self, FastOps, Primitive, Targets};
use crate::kernel::attention::Stats;
use crate::kernel::norm::Norm;
use crate::kernel::unary::Unary;

type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;

impl<C: CheckpointStrategy> FastOps for Autodiff<Flex, C> {
    fn fast_unary(x: Tracked<C>, op: Unary) -> Tracked<C> {
        match UnaryBackward.prepare::<C>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prepared) => {
                let node = prepared.checkpoint(&x);
                prepared.finish((node, op), Flex::fast_unary(x.into_primitive(), op))
            }
            OpsKind::UnTracked(prepared) => prepared.finish(Flex::fast_unary(x.into_primitive(), op)),
        }
    }

    fn fast_softmax(x: Tracked<C>) -> Tracked<C> {
        match SoftmaxBackward.prepare::<C>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let y = Flex::fast_softmax(x.into_primitive());
                prepared.finish(y.clone(), y)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(Flex::fast_softmax(x.into_primitive())),
        }
    }

    fn fast_attention(
        q: Tracked<C>,
        k: Tracked<C>,
        v: Tracked<C>,
        bias: Tracked<C>,
        scale: f32,
    ) -> Tracked<C> {
        let nodes = [q.node(), k.node(), v.node()];
        let bias = extension::rows_contiguous(bias.into_primitive());
        let [q, k, v] = [q, k, v].map(Tracked::<C>::into_primitive);
        let (out, stats) = extension::attention(&q, &k, &v, &bias, scale);
        match AttentionBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                prepared.finish(AttentionState { q, k, v, bias, scale, stats }, out)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(out),
        }
    }

    fn fast_linear(x: Tracked<C>, w: Tracked<C>, b: Tracked<C>) -> Tracked<C> {
        linear::forward::<C>(x, w, b)
    }

    fn fast_scale(x: Tracked<C>, l: Tracked<C>) -> Tracked<C> {
        scale::forward::<C>(x, l)
    }

    fn fast_norm(x: Tracked<C>, gamma: Tracked<C>, beta: Tracked<C>, norm: Norm) -> Tracked<C> {
        norm::forward::<C>(x, gamma, beta, norm)
    }

    fn fast_nll(logits: Tracked<C>, targets: Targets) -> Tracked<C> {
        match NllBackward.prepare::<C>([logits.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let logits = extension::contiguous(logits.into_primitive());
                let (losses, stats) = extension::nll(&logits, &targets);
                prepared.finish((logits, targets, stats), losses)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(Flex::fast_nll(logits.into_primitive(), targets)),
        }
    }
}

#[derive(Debug)]
struct UnaryBackward;

impl Backward<Flex, 1> for UnaryBackward {
    type State = (NodeId, Unary);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let g = grads.consume::<Flex>(&ops.node);
        let (node, op) = ops.state;
        let x: Primitive = checkpointer.retrieve_node_output(node);
        if let Some(parent) = &ops.parents[0] {
            grads.register::<Flex>(parent.id, extension::unary_gradient(op, x, g));
        }
    }
}

#[derive(Debug)]
struct SoftmaxBackward;

impl Backward<Flex, 1> for SoftmaxBackward {
    /// The result.
    type State = Primitive;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let g = grads.consume::<Flex>(&ops.node);
        if let Some(parent) = &ops.parents[0] {
            grads.register::<Flex>(parent.id, extension::softmax_gradient(ops.state, g));
        }
    }
}

#[derive(Debug)]
struct NllBackward;

impl Backward<Flex, 1> for NllBackward {
    type State = (Primitive, Targets, Vec<[f32; 2]>);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let g = grads.consume::<Flex>(&ops.node);
        let (logits, targets, stats) = ops.state;
        if let Some(parent) = &ops.parents[0] {
            grads.register::<Flex>(parent.id, extension::nll_gradient(logits, &targets, &stats, g));
        }
    }
}

#[derive(Debug)]
struct AttentionBackward;

#[derive(Clone, Debug)]
struct AttentionState {
    q: Primitive,
    k: Primitive,
    v: Primitive,
    bias: Primitive,
    scale: f32,
    stats: Stats,
}

impl Backward<Flex, 3> for AttentionBackward {
    type State = AttentionState;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let g = grads.consume::<Flex>(&ops.node);
        let parents = ids(&ops);
        let AttentionState { q, k, v, bias, scale, stats } = ops.state;
        let wanted = parents.map(|parent| parent.is_some());
        let gradients = extension::attention_gradient([&q, &k, &v], &bias, scale, &stats, &g, wanted);
        register(parents, gradients, grads);
    }
}

/// The parents that want a gradient.
fn ids<S, const N: usize>(ops: &Ops<S, N>) -> [Option<NodeId>; N] {
    ops.parents.each_ref().map(|parent| parent.as_ref().map(|node| node.id))
}

/// Gives each parent that wants one its gradient.
fn register<const N: usize>(
    parents: [Option<NodeId>; N],
    gradients: [Option<Primitive>; N],
    grads: &mut Gradients,
) {
    for (parent, gradient) in parents.into_iter().zip(gradients) {
        if let (Some(parent), Some(gradient)) = (parent, gradient) {
            grads.register::<Flex>(parent, gradient);
        }
    }
}
