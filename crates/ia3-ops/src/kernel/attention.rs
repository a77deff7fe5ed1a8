//! `softmax(scale·q·kᵀ + bias)·v`, a block of queries at a time: scores are never stored, and computed again for the
//! gradient (as in FlashAttention, arXiv 2205.14135, but over whole rows of keys).

use std::slice::from_raw_parts_mut;

use super::exp::exp;
use super::parallel::{Shared, each};
use super::product::{Matrix, View, product};
use super::softmax::row_in_place;
use super::{sum, vectorised};

/// Scores that are held at a time, a quarter of a megabyte.
const BLOCK: usize = 64 * 1024;

/// A tensor `[batch, heads, rows, columns]` anywhere in a slice; a stride of 0 repeats.
#[derive(Clone, Copy)]
pub(crate) struct Heads<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) offset: usize,
    pub(crate) strides: [isize; 4],
}

impl Heads<'_> {
    /// The matrix of a head, from row `row` on.
    fn at(&self, batch: usize, head: usize, row: usize) -> View {
        let data = self.data[self.index(batch, head, row)..].as_ptr();
        Matrix { data, row: self.strides[2], column: self.strides[3] }
    }

    /// A row, which must be contiguous.
    fn row(&self, batch: usize, head: usize, row: usize, len: usize) -> &[f32] {
        &self.data[self.index(batch, head, row)..][..len]
    }

    fn index(&self, batch: usize, head: usize, row: usize) -> usize {
        let steps = [batch, head, row].into_iter().zip(self.strides).map(|(i, stride)| i as isize * stride);
        (self.offset as isize + steps.sum::<isize>()) as usize
    }

    /// Query heads that share keys as rows of one head.
    fn folded(self, group: usize) -> Self {
        let [batch, head, _, column] = self.strides;
        Self { strides: [batch, head * group as isize, head, column], ..self }
    }
}

/// What attention is computed of.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    pub(crate) batch: usize,
    pub(crate) heads: usize,
    /// Heads of keys and values; consecutive query heads share one.
    pub(crate) kv_heads: usize,
    pub(crate) queries: usize,
    pub(crate) keys: usize,
    pub(crate) d: usize,
    pub(crate) q: Heads<'a>,
    pub(crate) k: Heads<'a>,
    pub(crate) v: Heads<'a>,
    /// Added to the scores; its last stride is 1.
    pub(crate) bias: Heads<'a>,
    pub(crate) scale: f32,
}

/// Of each row of scores the largest and `1/Σ e^{s − max}`, in the order `[batch, heads, queries]`.
pub(crate) type Stats = Vec<[f32; 2]>;

impl<'a> Inputs<'a> {
    fn group(&self) -> usize {
        self.heads / self.kv_heads
    }

    /// With one query a head, query heads that share keys become queries of one head: fewer and larger products.
    fn folded(self) -> Self {
        let group = self.group();
        if self.queries > 1 {
            return self;
        }
        let (q, bias) = (self.q.folded(group), self.bias.folded(group));
        Self { heads: self.kv_heads, queries: group, q, bias, ..self }
    }

    /// Queries of a block.
    fn block(&self) -> usize {
        (BLOCK / self.keys).clamp(1, self.queries)
    }

    fn blocks(&self) -> impl Iterator<Item = (usize, usize)> + use<'a> {
        let (queries, block) = (self.queries, self.block());
        (0..queries).step_by(block).map(move |start| (start, block.min(queries - start)))
    }

    /// Multiplications of one of the products.
    fn work(&self) -> usize {
        self.batch * self.heads * self.queries * self.keys * self.d
    }

    /// The scores of `rows` queries from `start` on with their bias, in `scores`.
    ///
    /// # Safety
    ///
    /// `scores` must hold `rows · keys` numbers.
    unsafe fn scores<'s>(&self, [b, h, start, rows]: [usize; 4], scores: *mut f32) -> &'s mut [f32] {
        let c = Matrix { data: scores, row: self.keys as isize, column: 1 };
        let (q, k) = (self.q.at(b, h, start), self.k.at(b, h / self.group(), 0).transposed());
        let scores = unsafe {
            product([rows, self.d, self.keys], c, q, k, self.scale, false);
            from_raw_parts_mut(scores, rows * self.keys)
        };
        for (i, row) in scores.chunks_exact_mut(self.keys).enumerate() {
            let bias = self.bias.row(b, h, start + i, self.keys);
            row.iter_mut().zip(bias).for_each(|(s, b)| *s += b);
        }
        scores
    }

    /// The result `[batch, queries, heads, d]` and what [`gradient`](Self::gradient) needs beside the inputs.
    pub(crate) fn forward(self) -> (Vec<f32>, Stats) {
        let (plain, inputs) = (self, self.folded());
        let out_strides = plain.query_strides();
        let rows = plain.batch * plain.heads * plain.queries;
        let (mut out, mut stats) = (Vec::with_capacity(rows * plain.d), Vec::with_capacity(rows));
        let (into, stats_into) = (Shared(out.as_mut_ptr()), Shared(stats.as_mut_ptr()));
        each(inputs.batch * inputs.heads, inputs.work(), |unit| {
            // SAFETY: each unit writes its own rows of both, all of them.
            unsafe { inputs.forward_head(unit, into, out_strides, stats_into) };
        });
        // SAFETY: the units have written every element.
        unsafe {
            out.set_len(rows * plain.d);
            stats.set_len(rows);
        }
        (out, stats)
    }

    /// Strides by batch, head and query of results `[batch, queries, heads, d]`, heads folded as the inputs are.
    fn query_strides(&self) -> [usize; 3] {
        let row = self.heads * self.d;
        match self.queries {
            1 => [row, self.group() * self.d, self.d],
            queries => [queries * row, self.d, row],
        }
    }

    unsafe fn forward_head(
        &self,
        unit: usize,
        out: Shared<f32>,
        strides: [usize; 3],
        stats: Shared<[f32; 2]>,
    ) {
        let (b, h) = (unit / self.heads, unit % self.heads);
        let mut scratch = Vec::<f32>::with_capacity(self.block() * self.keys);
        for (start, rows) in self.blocks() {
            let weights = unsafe { self.scores([b, h, start, rows], scratch.as_mut_ptr()) };
            vectorised(
                #[inline(always)]
                || {
                    for (i, row) in weights.chunks_exact_mut(self.keys).enumerate() {
                        let stat = row_in_place(row);
                        unsafe { stats.at(unit * self.queries + start + i).write(stat) };
                    }
                },
            );
            let weights = Matrix { data: weights.as_ptr(), row: self.keys as isize, column: 1 };
            let out = unsafe { out.at(b * strides[0] + h * strides[1] + start * strides[2]) };
            let out = Matrix { data: out, row: strides[2] as isize, column: 1 };
            let v = self.v.at(b, h / self.group(), 0);
            unsafe { product([rows, self.keys, self.d], out, weights, v, 1.0, false) };
        }
    }

    /// From the gradient `g` of the result those of `q` `[batch, queries, heads, d]`, `k` and `v`
    /// `[batch, keys, kv_heads, d]`, each if it is wanted.
    pub(crate) fn gradient(self, stats: &Stats, g: Heads, wanted: [bool; 3]) -> [Option<Vec<f32>>; 3] {
        let (plain, inputs) = (self, self.folded());
        let g = if plain.queries == 1 { g.folded(plain.group()) } else { g };
        let keys = plain.batch * plain.keys * plain.kv_heads * plain.d;
        let sizes = [plain.batch * plain.queries * plain.heads * plain.d, keys, keys];
        let mut of: [Option<Vec<f32>>; 3] =
            std::array::from_fn(|i| wanted[i].then(|| Vec::with_capacity(sizes[i])));
        let into = of.each_mut().map(|of| of.as_mut().map(|of| Shared(of.as_mut_ptr())));
        let strides = plain.query_strides();
        each(inputs.batch * inputs.kv_heads, 3 * inputs.work(), |unit| {
            // SAFETY: each unit writes its own heads of all three, all of them.
            unsafe { inputs.gradient_heads(unit, stats, g, into, strides) };
        });
        for (of, size) in of.iter_mut().zip(sizes) {
            // SAFETY: the units have written every element.
            of.iter_mut().for_each(|of| unsafe { of.set_len(size) });
        }
        of
    }

    /// The gradients of the query heads that share a head of keys.
    unsafe fn gradient_heads(
        &self,
        unit: usize,
        stats: &Stats,
        g: Heads,
        [dq, dk, dv]: [Option<Shared<f32>>; 3],
        strides: [usize; 3],
    ) {
        let (b, kv) = (unit / self.kv_heads, unit % self.kv_heads);
        let (keys, d, group) = (self.keys, self.d, self.group());
        let of_keys = |into: Shared<f32>| {
            let data = unsafe { into.at((b * keys * self.kv_heads + kv) * d) };
            Matrix { data, row: (self.kv_heads * d) as isize, column: 1 }
        };
        let (dk, dv) = (dk.map(of_keys), dv.map(of_keys));
        let (k, v) = (self.k.at(b, kv, 0), self.v.at(b, kv, 0));
        let size = self.block() * keys;
        let (mut first, mut second) = (Vec::<f32>::with_capacity(size), Vec::<f32>::with_capacity(size));
        let mut add = false;
        for h in kv * group..(kv + 1) * group {
            for (start, rows) in self.blocks() {
                let scored = unsafe { self.scores([b, h, start, rows], first.as_mut_ptr()) };
                let stats = &stats[(b * self.heads + h) * self.queries + start..][..rows];
                weights(scored, keys, stats);
                let w = Matrix { data: scored.as_mut_ptr(), row: keys as isize, column: 1 };
                let (g, q) = (g.at(b, h, start), self.q.at(b, h, start));
                if let Some(dv) = dv {
                    unsafe { product([keys, rows, d], dv, w.view().transposed(), g, 1.0, add) };
                }
                if dq.is_some() || dk.is_some() {
                    let c = Matrix { data: second.as_mut_ptr(), row: keys as isize, column: 1 };
                    let dw = unsafe {
                        product([rows, d, keys], c, g, v.transposed(), 1.0, false);
                        from_raw_parts_mut(c.data, rows * keys)
                    };
                    softmax_gradient(scored, dw, keys);
                }
                if let Some(dq) = dq {
                    let data = unsafe { dq.at(b * strides[0] + h * strides[1] + start * strides[2]) };
                    let dq = Matrix { data, row: strides[2] as isize, column: 1 };
                    unsafe { product([rows, keys, d], dq, w.view(), k, self.scale, false) };
                }
                if let Some(dk) = dk {
                    unsafe { product([keys, rows, d], dk, w.view().transposed(), q, self.scale, add) };
                }
                add = true;
            }
        }
    }
}

/// Turns scores into the weights that they were in the forward.
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

/// Turns weights `w` with their gradient `g` into the gradient of the scores.
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
