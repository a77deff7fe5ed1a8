//! `softmax(scale·q·kᵀ + bias)·v`, one block of queries at a time. The scores are never stored as a whole; the gradient
//! computes them again, as FlashAttention does (arXiv 2205.14135), but over whole rows of keys.

mod forward;
mod gradient;

use std::mem::MaybeUninit;
use std::ops::Range;

use crate::heads::Heads;
use crate::matmul;
use crate::matrix::MatMut;

/// Scores that one task holds at a time, a quarter of a megabyte.
const BLOCK: usize = 64 * 1024;

/// The inputs of attention and their sizes.
#[derive(Clone, Copy)]
pub struct Attention<'a> {
    /// Batch entries.
    pub batch: usize,
    /// Heads of queries.
    pub heads: usize,
    /// Heads of keys and values; consecutive query heads share one.
    pub kv_heads: usize,
    /// Queries per head.
    pub queries: usize,
    /// Keys per head.
    pub keys: usize,
    /// Elements of a query, a key and a value.
    pub d: usize,
    /// `[batch, heads, queries, d]`
    pub q: Heads<'a>,
    /// `[batch, kv_heads, keys, d]`
    pub k: Heads<'a>,
    /// `[batch, kv_heads, keys, d]`
    pub v: Heads<'a>,
    /// `[batch, heads, queries, keys]`, added to the scores; its last stride is 1.
    pub bias: Heads<'a>,
    /// Multiplies the scores.
    pub scale: f32,
}

/// The largest score of each row and `1/Σ e^{s − max}`, in the order `[batch, heads, queries]`.
pub type Stats = Vec<[f32; 2]>;

impl Attention<'_> {
    /// Whether an axis has no element, so that there is nothing to compute.
    fn is_empty(&self) -> bool {
        [self.batch, self.heads, self.kv_heads, self.queries, self.keys, self.d].contains(&0)
    }

    /// # Panics
    ///
    /// Panics if the heads of queries cannot be divided among those of keys.
    fn assert_heads(&self) {
        let Self { heads, kv_heads, .. } = self;
        assert!(heads.is_multiple_of(*kv_heads), "{heads} heads of queries for {kv_heads} of keys");
    }

    /// Heads of queries that share one of keys.
    fn group(&self) -> usize {
        self.heads / self.kv_heads
    }

    /// With one query per head, the heads of queries that share keys become queries of one head, so that products are
    /// fewer and larger.
    fn folded(self) -> Self {
        let group = self.group();
        if self.queries > 1 {
            return self;
        }
        let (q, bias) = (self.q.folded(group), self.bias.folded(group));
        Self { heads: self.kv_heads, queries: group, q, bias, ..self }
    }

    /// The axes `[batch, queries, heads, d]` of the result, folded as [`folded`](Self::folded) folds the inputs.
    fn result_dims(&self) -> [usize; 4] {
        match self.queries {
            1 => [self.batch * self.kv_heads, self.group(), 1, self.d],
            queries => [self.batch, queries, self.heads, self.d],
        }
    }

    /// Queries per block.
    fn block(&self) -> usize {
        (BLOCK / self.keys).clamp(1, self.queries)
    }

    fn blocks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (queries, block) = (self.queries, self.block());
        (0..queries).step_by(block).map(move |start| start..queries.min(start + block))
    }

    /// Multiplications of one of the products.
    fn work(&self) -> usize {
        self.batch * self.heads * self.queries * self.keys * self.d
    }

    /// The scores `[queries, keys]` of some queries with their bias, computed in `memory`.
    fn scores<'s>(
        &self,
        [batch, head]: [usize; 2],
        queries: Range<usize>,
        memory: &'s mut [MaybeUninit<f32>],
    ) -> &'s mut [f32] {
        let dims = [queries.len(), self.keys];
        let q = self.q.matrix([batch, head], queries.clone(), self.d);
        let k = self.k.matrix([batch, head / self.group()], 0..self.keys, self.d);
        let scores = MatMut::row_major(&mut memory[..dims[0] * dims[1]], dims);
        let scores = matmul::write(scores, q, k.transposed(), self.scale).into_slice();
        for (query, row) in queries.zip(scores.chunks_exact_mut(self.keys)) {
            let bias = self.bias.row(batch, head, query, self.keys);
            row.iter_mut().zip(bias).for_each(|(s, b)| *s += b);
        }
        scores
    }
}
