//! The inputs of attention, checked, and the scores of a block of queries.

use std::mem::MaybeUninit;
use std::ops::Range;

use crate::heads::CheckedHeads;
use crate::matmul;
use crate::matrix::MatMut;

/// Scores that one task holds at a time, a quarter of a megabyte.
const BLOCK: usize = 64 * 1024;

/// The inputs of [`Attention`](super::Attention), none of whose axes is empty.
pub(super) struct Inputs<'a> {
    pub(super) batch: usize,
    pub(super) heads: usize,
    /// Heads of queries that share one of keys.
    pub(super) group: usize,
    pub(super) queries: usize,
    pub(super) keys: usize,
    pub(super) d: usize,
    pub(super) q: CheckedHeads<'a>,
    pub(super) k: CheckedHeads<'a>,
    pub(super) v: CheckedHeads<'a>,
    pub(super) bias: CheckedHeads<'a>,
    pub(super) scale: f32,
}

impl Inputs<'_> {
    /// Queries per block.
    pub(super) fn block(&self) -> usize {
        (BLOCK / self.keys).clamp(1, self.queries)
    }

    pub(super) fn blocks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (queries, block) = (self.queries, self.block());
        (0..queries).step_by(block).map(move |start| start..queries.min(start + block))
    }

    /// Multiplications of one of the products.
    pub(super) fn work(&self) -> usize {
        self.batch * self.heads * self.queries * self.keys * self.d
    }

    /// The scores `[queries, keys]` of some queries with their bias, computed in `memory`.
    pub(super) fn scores<'s>(
        &self,
        [batch, head]: [usize; 2],
        queries: Range<usize>,
        memory: &'s mut [MaybeUninit<f32>],
    ) -> &'s mut [f32] {
        let dims = [queries.len(), self.keys];
        let q = self.q.matrix([batch, head], queries.clone());
        let k = self.k.matrix([batch, head / self.group], 0..self.keys);
        let scores = MatMut::row_major(&mut memory[..dims[0] * dims[1]], dims);
        let scores = matmul::write(scores, q, k.transposed(), self.scale).into_slice();
        for (query, row) in queries.zip(scores.chunks_exact_mut(self.keys)) {
            let bias = self.bias.row([batch, head], query);
            row.iter_mut().zip(bias).for_each(|(s, b)| *s += b);
        }
        scores
    }
}
