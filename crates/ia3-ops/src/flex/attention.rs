//! Attention.

use burn::backend::TensorMetadata;
use ia3_kernels::Heads;
pub(crate) use ia3_kernels::attention::Stats;
use ia3_kernels::attention::{Attention, forward_each};

use super::tensor::{Primitive, new};
use crate::slot_attention::SlotRow;

/// The result `[batch, heads, queries, d]`, and what its gradient needs. The rows of `bias` are contiguous.
pub(crate) fn apply([q, k, v]: [&Primitive; 3], bias: &Primitive, scale: f32) -> (Primitive, Stats) {
    let inputs = inputs([q, k, v], bias, scale);
    let (out, stats) = inputs.forward();
    (by_head(out, [inputs.batch, inputs.queries, inputs.heads, inputs.d]), stats)
}

/// The results `[rows, heads, 1, d]` of rows with one query each, whose keys and values lie in slots. The rows of `bias` are contiguous.
pub(crate) fn in_slots(
    [q, k, v]: [&Primitive; 3],
    bias: &Primitive,
    scale: f32,
    rows: &[SlotRow],
) -> Primitive {
    let [count, n_heads, _, d] = q.shape().dims();
    let [_, kv_heads, _, _] = k.shape().dims();
    let (bias, [q, k, v]) = (broadcast(bias), [q, k, v].map(heads));
    let row = |(i, row): (usize, &SlotRow)| {
        let (q, bias, [k, v]) = (entry(q, i), entry(bias, i), [k, v].map(|x| entry(x, row.slot)));
        Attention { batch: 1, heads: n_heads, kv_heads, queries: 1, keys: row.keys, d, q, k, v, bias, scale }
    };
    let all: Vec<Attention> = rows.iter().enumerate().map(row).collect();
    by_head(forward_each(&all), [count, 1, n_heads, d])
}

/// The entry at an index of the first axis.
fn entry(x: Heads<'_>, index: usize) -> Heads<'_> {
    Heads { offset: (x.offset as isize + x.strides[0] * index as isize) as usize, ..x }
}

/// The gradients of `q`, `k` and `v`, each if it is wanted.
pub(crate) fn gradient(
    qkv: [&Primitive; 3],
    bias: &Primitive,
    scale: f32,
    stats: &Stats,
    g: &Primitive,
    wanted: [bool; 3],
) -> [Option<Primitive>; 3] {
    let inputs = inputs(qkv, bias, scale);
    let [dq, dk, dv] = inputs.gradient(stats, heads(g), wanted);
    let of_queries = |values| by_head(values, [inputs.batch, inputs.queries, inputs.heads, inputs.d]);
    let of_keys = |values| by_head(values, [inputs.batch, inputs.keys, inputs.kv_heads, inputs.d]);
    [dq.map(of_queries), dk.map(of_keys), dv.map(of_keys)]
}

fn inputs<'a>([q, k, v]: [&'a Primitive; 3], bias: &'a Primitive, scale: f32) -> Attention<'a> {
    let [batch, n_heads, queries, d] = q.shape().dims();
    let [_, kv_heads, keys, _] = k.shape().dims();
    let (bias, [q, k, v]) = (broadcast(bias), [q, k, v].map(heads));
    Attention { batch, heads: n_heads, kv_heads, queries, keys, d, q, k, v, bias, scale }
}

fn heads(x: &Primitive) -> Heads<'_> {
    let layout = x.layout();
    let strides = layout.strides().try_into().expect("a tensor of four axes");
    Heads { data: x.storage(), offset: layout.start_offset(), strides }
}

/// The tensor with a stride of 0 along each axis of one element.
fn broadcast(x: &Primitive) -> Heads<'_> {
    let (dims, mut heads): ([usize; 4], _) = (x.shape().dims(), heads(x));
    for (stride, _) in heads.strides.iter_mut().zip(dims).take(3).filter(|(_, dim)| *dim == 1) {
        *stride = 0;
    }
    heads
}

/// `[batch, rows, heads, d]` as a view `[batch, heads, rows, d]`.
fn by_head(values: Vec<f32>, dims: [usize; 4]) -> Primitive {
    new(values, dims.to_vec()).transpose(1, 2)
}
