//! The gradients of attention.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::Attention;
use super::inputs::Inputs;
use crate::exp::exp;
use crate::heads::{CheckedHeads, Heads, split_heads};
use crate::matmul::{self, Accumulator};
use crate::matrix::{MatMut, MatRef};
use crate::reduce::sum;
use crate::simd::vectorised;
use crate::threads::for_each_of;

/// Where the gradients go that belong to one head of keys.
struct Targets<'a> {
    /// `[queries, group·d]`, the gradient of the queries of all heads that share the keys.
    dq: Option<MatMut<'a, MaybeUninit<f32>>>,
    dk: Option<Accumulator<'a>>,
    dv: Option<Accumulator<'a>>,
}

impl Attention<'_> {
    /// The gradients of `q` `[batch, queries, heads, d]`, `k` and `v` `[batch, keys, kv_heads, d]`, each if it is wanted,
    /// from the gradient `g` `[batch, heads, queries, d]` of the result and the statistics of [`forward`](Self::forward).
    ///
    /// # Panics
    ///
    /// Panics if `heads` is no multiple of `kv_heads`, if a tensor does not lie inside its memory, or if there are too few
    /// statistics.
    pub fn gradient(self, stats: &[[f32; 2]], g: Heads, wanted: [bool; 3]) -> [Option<Vec<f32>>; 3] {
        let of_keys = [self.batch, self.keys, self.kv_heads, self.d];
        let sizes = [self.batch * self.queries * self.heads * self.d, of_keys.iter().product()];
        let sizes = [sizes[0], sizes[1], sizes[1]];
        if self.is_empty() {
            return std::array::from_fn(|i| wanted[i].then(|| vec![0.0; sizes[i]]));
        }
        let inputs = self.inputs();
        let g = self.folded(g).checked([inputs.batch, inputs.heads, inputs.queries, inputs.d]);
        let mut gradients: [Option<Vec<f32>>; 3] =
            std::array::from_fn(|i| wanted[i].then(|| Vec::with_capacity(sizes[i])));
        let [entries, rows, heads, d] = self.result_dims();
        let dims = [[entries, rows, heads / inputs.group, inputs.group * d], of_keys, of_keys];
        let units = targets(&mut gradients, dims, self.batch * self.kv_heads);
        for_each_of(units, 3 * inputs.work(), |(unit, targets)| {
            inputs.gradient_heads(unit, stats, g, targets);
        });
        for (gradient, size) in gradients.iter_mut().zip(sizes) {
            if let Some(gradient) = gradient {
                // SAFETY: the units cover every head of every batch entry, and each has written its targets.
                unsafe { gradient.set_len(size) };
            }
        }
        gradients
    }
}

impl Inputs<'_> {
    /// Writes the gradients that belong to one head of keys.
    fn gradient_heads(&self, unit: usize, stats: &[[f32; 2]], g: CheckedHeads, mut targets: Targets) {
        let kv_heads = self.heads / self.group;
        let (batch, kv_head) = (unit / kv_heads, unit % kv_heads);
        let size = self.block() * self.keys;
        let (mut first, mut second) = (Vec::with_capacity(size), Vec::with_capacity(size));
        for (i, head) in (kv_head * self.group..(kv_head + 1) * self.group).enumerate() {
            let mut dq = targets.dq.as_mut().map(|dq| dq.columns(i * self.d..(i + 1) * self.d));
            for queries in self.blocks() {
                let keys = self.visible([batch, head], queries.clone());
                let rows = [queries.clone(), keys.clone()];
                let scores = self.scores([batch, head], rows, first.spare_capacity_mut());
                let stats = &stats[(batch * self.heads + head) * self.queries..][queries.clone()];
                weights(scores, keys.len(), stats);
                let [q, g] = [self.q, g].map(|x| x.matrix([batch, head], queries.clone()));
                let kv = [self.k, self.v].map(|x| x.matrix([batch, kv_head], keys.clone()));
                let dq = dq.as_mut().map(|dq| dq.rows(queries));
                let accumulators = [&mut targets.dk, &mut targets.dv];
                self.gradient_block(
                    (scores, keys),
                    [q, g],
                    kv,
                    dq,
                    accumulators,
                    second.spare_capacity_mut(),
                );
            }
        }
    }

    /// Writes or adds up what one block of queries contributes, given its weights `w` of some `keys`.
    fn gradient_block(
        &self,
        (w, keys): (&mut [f32], Range<usize>),
        [q, g]: [MatRef; 2],
        [k, v]: [MatRef; 2],
        dq: Option<MatMut<MaybeUninit<f32>>>,
        [dk, dv]: [&mut Option<Accumulator>; 2],
        memory: &mut [MaybeUninit<f32>],
    ) {
        let dims = [q.dims()[0], keys.len()];
        if let Some(dv) = dv {
            dv.add(keys.clone(), MatRef::row_major(w, dims).transposed(), g, 1.0);
        }
        if dq.is_none() && dk.is_none() {
            return;
        }
        let dw = MatMut::row_major(&mut memory[..dims[0] * dims[1]], dims);
        let dw = matmul::write(dw, g, v.transposed(), 1.0).into_slice();
        softmax_gradient(w, dw, dims[1]);
        let ds = MatRef::row_major(w, dims);
        if let Some(dq) = dq {
            matmul::write(dq, ds, k, self.scale);
        }
        if let Some(dk) = dk {
            dk.add(keys, ds.transposed(), q, self.scale);
        }
    }
}

/// The targets of each head of keys. The vectors are empty and have room for tensors `[batch, rows, heads, columns]` of
/// shape `dims`, one head of which belongs to each head of keys.
fn targets<'a>(
    gradients: &'a mut [Option<Vec<f32>>; 3],
    dims: [[usize; 4]; 3],
    units: usize,
) -> Vec<(usize, Targets<'a>)> {
    let mut axes = dims.into_iter();
    let mut heads = gradients.each_mut().map(|gradient| {
        let dims = axes.next().expect("axes for each of three gradients");
        let split = |gradient: &'a mut Vec<f32>| {
            split_heads(&mut gradient.spare_capacity_mut()[..dims.iter().product()], dims)
        };
        gradient.as_mut().map(split)
    });
    let unit = |unit| {
        let [dq, dk, dv] = heads.each_mut().map(|heads| heads.as_mut().and_then(Iterator::next));
        (unit, Targets { dq, dk: dk.map(Accumulator::new), dv: dv.map(Accumulator::new) })
    };
    (0..units).map(unit).collect()
}

/// Replaces scores by the weights that they were in the forward pass.
fn weights(scores: &mut [f32], keys: usize, stats: &[[f32; 2]]) {
    vectorised(
        #[inline(always)]
        || {
            for (row, &[most, inverse]) in scores.chunks_exact_mut(keys).zip(stats) {
                row.iter_mut().for_each(
                    #[inline(always)]
                    |s| *s = exp(*s - most) * inverse,
                );
            }
        },
    );
}

/// Replaces weights `w` by the gradient of the scores, given the gradient `g` of the weights.
fn softmax_gradient(w: &mut [f32], g: &[f32], keys: usize) {
    vectorised(
        #[inline(always)]
        || {
            for (w, g) in w.chunks_exact_mut(keys).zip(g.chunks_exact(keys)) {
                let dot = sum([w, g], |[w, g]| w * g);
                w.iter_mut().zip(g).for_each(|(w, g)| *w *= g - dot);
            }
        },
    );
}
