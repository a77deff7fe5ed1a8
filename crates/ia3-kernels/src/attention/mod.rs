//! `softmax(scale·q·kᵀ + bias)·v`, one block of queries at a time. The scores are never stored as a whole; the gradient
//! computes them again, as FlashAttention does (arXiv 2205.14135), but over whole rows of keys.

mod each;
mod forward;
mod gradient;
mod inputs;

pub use each::forward_each;
use inputs::Inputs;

use crate::heads::Heads;

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

impl<'a> Attention<'a> {
    /// Whether an axis has no element, so that there is nothing to compute.
    fn is_empty(&self) -> bool {
        [self.batch, self.heads, self.kv_heads, self.queries, self.keys, self.d].contains(&0)
    }

    /// The axes `[batch, queries, heads, d]` of the result, folded as [`inputs`](Self::inputs) are.
    fn result_dims(&self) -> [usize; 4] {
        match self.queries {
            1 => [self.batch * self.kv_heads, self.group(), 1, self.d],
            queries => [self.batch, queries, self.heads, self.d],
        }
    }

    /// The inputs, checked. With one query per head, the heads of queries that share keys become queries of one head, so
    /// that products are fewer and larger.
    ///
    /// # Panics
    ///
    /// Panics if the heads of queries cannot be divided among those of keys, or if a tensor does not lie inside its memory.
    fn inputs(&self) -> Inputs<'a> {
        let &Self { batch, heads, kv_heads, keys, d, scale, .. } = self;
        assert!(heads.is_multiple_of(kv_heads), "{heads} heads of queries for {kv_heads} of keys");
        let [heads, queries] = self.folded_dims();
        Inputs {
            group: heads / kv_heads,
            batch,
            heads,
            queries,
            keys,
            d,
            q: self.folded(self.q).checked([batch, heads, queries, d]),
            k: self.k.checked([batch, kv_heads, keys, d]),
            v: self.v.checked([batch, kv_heads, keys, d]),
            bias: self.folded(self.bias).checked([batch, heads, queries, keys]),
            scale,
        }
    }

    /// Heads, and queries per head, of [`inputs`](Self::inputs).
    fn folded_dims(&self) -> [usize; 2] {
        if self.queries == 1 { [self.kv_heads, self.group()] } else { [self.heads, self.queries] }
    }

    /// A tensor `[batch, heads, queries, columns]` as [`inputs`](Self::inputs) hold it.
    fn folded<'t>(&self, tensor: Heads<'t>) -> Heads<'t> {
        if self.queries == 1 { tensor.folded(self.group()) } else { tensor }
    }

    /// Heads of queries that share one of keys.
    fn group(&self) -> usize {
        self.heads / self.kv_heads
    }
}

#[cfg(test)]
mod closed_keys_tests;
