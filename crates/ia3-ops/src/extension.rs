//! The kernels as operations of burn's backend `flex`.

use std::sync::Arc;

use burn::backend::{Backend, Flex, TensorMetadata, backend_extension, tensor::FloatTensor};
use burn::tensor::TensorData;

use crate::kernel::attention::{Heads, Inputs, Stats};
use crate::kernel::norm::Norm;
use crate::kernel::parallel::{plus_rows, sum_rows};
use crate::kernel::scale::Factors;
use crate::kernel::unary::{self, Unary};
use crate::kernel::{nll, softmax};
use crate::matrix;

/// Class of each row; a negative one does not count.
pub(crate) type Targets = Arc<Vec<i64>>;

/// Operations on float32 tensors that [`Flex`] has kernels for; `crate::autodiff` has their backward.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait FastOps: Backend {
    /// An activation, elementwise.
    fn fast_unary(x: FloatTensor<Self>, op: Unary) -> FloatTensor<Self>;

    /// Softmax over the last axis.
    fn fast_softmax(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Attention; see [`crate::attention`].
    fn fast_attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        scale: f32,
    ) -> FloatTensor<Self>;

    /// `x·w + b` of matrices; no `b` is one without elements. See [`crate::linear`].
    fn fast_linear(x: FloatTensor<Self>, w: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self>;

    /// `x ⊙ l` with a vector for all rows of `x`, or for as many consecutive ones each; see [`crate::scale`].
    fn fast_scale(x: FloatTensor<Self>, l: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Normalised rows times `gamma`, plus `beta`; none is one without elements. See [`crate::layer_norm`].
    fn fast_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        norm: Norm,
    ) -> FloatTensor<Self>;

    /// Negative log-likelihoods `[rows]` of logits `[rows, classes]`.
    fn fast_nll(logits: FloatTensor<Self>, targets: Targets) -> FloatTensor<Self>;
}

/// A tensor of `flex`.
pub(crate) type Primitive = FloatTensor<Flex>;

impl FastOps for Flex {
    fn fast_unary(x: Primitive, op: Unary) -> Primitive {
        let mut x = contiguous(x);
        match x.try_storage_mut() {
            Some(values) => unary::in_place(op, values),
            None => x = new(unary::map(op, x.storage()), x.shape().to_vec()),
        }
        x
    }

    fn fast_softmax(x: Primitive) -> Primitive {
        let mut x = contiguous(x);
        let width = last_dim(&x);
        softmax::rows(x.storage_mut(), width);
        x
    }

    fn fast_attention(q: Primitive, k: Primitive, v: Primitive, bias: Primitive, scale: f32) -> Primitive {
        attention(&q, &k, &v, &rows_contiguous(bias), scale).0
    }

    fn fast_linear(x: Primitive, w: Primitive, b: Primitive) -> Primitive {
        let y = matrix::product(x, &w);
        if b.shape().num_elements() == 0 {
            return y;
        }
        let (mut y, b) = (contiguous(y), contiguous(b));
        let width = last_dim(&y);
        plus_rows(y.storage_mut(), width, b.storage());
        y
    }

    fn fast_scale(x: Primitive, l: Primitive) -> Primitive {
        let (mut x, l) = (contiguous(x), contiguous(l));
        let factors = factors(&x, &l);
        match x.try_storage_mut() {
            Some(values) => factors.scale(values),
            None => x = new(factors.times(x.storage()), x.shape().to_vec()),
        }
        x
    }

    fn fast_norm(x: Primitive, gamma: Primitive, beta: Primitive, norm: Norm) -> Primitive {
        let [x, gamma, beta] = [x, gamma, beta].map(contiguous);
        let beta = Some(beta.storage()).filter(|beta: &&[f32]| !beta.is_empty());
        new(norm.apply(x.storage(), gamma.storage(), beta), x.shape().to_vec())
    }

    fn fast_nll(logits: Primitive, targets: Targets) -> Primitive {
        nll(&contiguous(logits), &targets).0
    }
}

pub(crate) fn unary_gradient(op: Unary, x: Primitive, g: Primitive) -> Primitive {
    let (x, g) = (contiguous(x), contiguous(g));
    new(unary::gradient(op, x.storage(), g.storage()), x.shape().to_vec())
}

/// The gradients of `x` and `l`, each if it is wanted.
pub(crate) fn scale_gradient(
    x: Option<Primitive>,
    l: &Primitive,
    g: Primitive,
    x_wanted: bool,
) -> [Option<Primitive>; 2] {
    let (l, g) = (contiguous(l.clone()), contiguous(g));
    let factors = factors(&g, &l);
    let dl = x.map(|x| new(factors.gradient(contiguous(x).storage(), g.storage()), l.shape().to_vec()));
    [x_wanted.then(|| Flex::fast_scale(g.clone(), l.clone())), dl]
}

fn factors<'a>(x: &Primitive, l: &'a Primitive) -> Factors<'a> {
    let width = last_dim(l);
    let rows = x.shape().num_elements() / l.shape().num_elements().max(1);
    Factors { values: l.storage(), width, rows }
}

/// The gradients of `x`, `gamma` and `beta`, each if it is wanted.
pub(crate) fn norm_gradient(
    [x, gamma]: [&Primitive; 2],
    norm: Norm,
    g: Primitive,
    wanted: [bool; 3],
) -> [Option<Primitive>; 3] {
    let [x, gamma, g] = [x.clone(), gamma.clone(), g].map(contiguous);
    let width = last_dim(&gamma);
    let dims = x.shape().to_vec();
    let (x, gamma, g) = (x.storage(), gamma.storage(), g.storage());
    let vector = |values| new(values, vec![width]);
    [
        wanted[0].then(|| new(norm.gradient(x, gamma, g), dims)),
        wanted[1].then(|| vector(norm.gradient_of_gamma(x, width, g))),
        wanted[2].then(|| vector(sum_of_rows(g, width))),
    ]
}

/// `Σ g` over rows.
pub(crate) fn sum_of_rows(g: &[f32], width: usize) -> Vec<f32> {
    sum_rows(
        g.len(),
        width,
        #[inline(always)]
        |at, sums| sums.iter_mut().zip(&g[at..]).for_each(|(sum, g)| *sum += g),
    )
}

pub(crate) fn softmax_gradient(y: Primitive, g: Primitive) -> Primitive {
    let (y, mut g) = (contiguous(y), contiguous(g));
    let width = last_dim(&y);
    softmax::gradient(g.storage_mut(), y.storage(), width);
    g
}

/// The result `[batch, heads, queries, d]`, and what its gradient needs.
pub(crate) fn attention(
    q: &Primitive,
    k: &Primitive,
    v: &Primitive,
    bias: &Primitive,
    scale: f32,
) -> (Primitive, Stats) {
    let inputs = inputs(q, k, v, bias, scale);
    let (out, stats) = inputs.forward();
    (by_head(out, [inputs.batch, inputs.queries, inputs.heads, inputs.d]), stats)
}

/// The gradients of `q`, `k` and `v`, each if it is wanted.
pub(crate) fn attention_gradient(
    [q, k, v]: [&Primitive; 3],
    bias: &Primitive,
    scale: f32,
    stats: &Stats,
    g: &Primitive,
    wanted: [bool; 3],
) -> [Option<Primitive>; 3] {
    let i = inputs(q, k, v, bias, scale);
    let [dq, dk, dv] = i.gradient(stats, heads(g), wanted);
    let of_keys = |values| by_head(values, [i.batch, i.keys, i.kv_heads, i.d]);
    [dq.map(|values| by_head(values, [i.batch, i.queries, i.heads, i.d])), dk.map(of_keys), dv.map(of_keys)]
}

fn inputs<'a>(
    q: &'a Primitive,
    k: &'a Primitive,
    v: &'a Primitive,
    bias: &'a Primitive,
    scale: f32,
) -> Inputs<'a> {
    let [batch, n_heads, queries, d] = q.shape().dims();
    let [_, kv_heads, keys, _] = k.shape().dims();
    let bias = broadcast(bias);
    Inputs {
        batch,
        heads: n_heads,
        kv_heads,
        queries,
        keys,
        d,
        q: heads(q),
        k: heads(k),
        v: heads(v),
        bias,
        scale,
    }
}

fn heads(x: &Primitive) -> Heads<'_> {
    let layout = x.layout();
    let strides = layout.strides().try_into().expect("four axes");
    Heads { data: x.storage(), offset: layout.start_offset(), strides }
}

/// With a stride of 0 where an axis has one element.
fn broadcast(x: &Primitive) -> Heads<'_> {
    let (dims, mut heads): ([usize; 4], _) = (x.shape().dims(), heads(x));
    for (stride, _) in heads.strides.iter_mut().zip(dims).take(3).filter(|(_, dim)| *dim == 1) {
        *stride = 0;
    }
    heads
}

/// `[batch, rows, heads, d]` seen as `[batch, heads, rows, d]`.
fn by_head(values: Vec<f32>, dims: [usize; 4]) -> Primitive {
    new(values, dims.to_vec()).transpose(1, 2)
}

/// The losses `[rows]`, and what their gradient needs.
pub(crate) fn nll(logits: &Primitive, targets: &[i64]) -> (Primitive, Vec<nll::Stats>) {
    let (losses, stats) = nll::losses(logits.storage(), last_dim(logits), targets);
    (new(losses, vec![targets.len()]), stats)
}

/// The gradient of the logits, in their place if nobody else needs them.
pub(crate) fn nll_gradient(
    logits: Primitive,
    targets: &[i64],
    stats: &[nll::Stats],
    g: Primitive,
) -> Primitive {
    let (mut logits, g) = (contiguous(logits), contiguous(g));
    let width = last_dim(&logits);
    nll::gradient(logits.storage_mut(), width, targets, stats, g.storage());
    logits
}

/// In one piece that starts where the memory does; without a copy where it is so already.
pub(crate) fn contiguous(x: Primitive) -> Primitive {
    // `x` is dropped, so that what remains can be changed in place.
    x.to_contiguous()
}

/// With each row in one piece.
pub(crate) fn rows_contiguous(x: Primitive) -> Primitive {
    match x.layout().strides().last() {
        Some(1) => x,
        _ => contiguous(x),
    }
}

pub(crate) fn last_dim(x: &Primitive) -> usize {
    *x.shape().last().expect("an axis")
}

pub(crate) fn new(values: Vec<f32>, dims: Vec<usize>) -> Primitive {
    Primitive::from_data(TensorData::new(values, dims))
}
