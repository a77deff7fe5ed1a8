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

/// Queries per block where the bias hides keys from all of a block, such as later ones.
const NARROW: usize = 64;

/// A key with this bias or less is closed: where another key is open, its weight is exactly 0. It is a quarter of the most negative
/// float32, and masks add up to a half of it or more.
const CLOSED: f32 = f32::MIN / 4.0;

/// A key with this bias or more is open.
const OPEN: f32 = -1e30;

/// A range of keys begins at a multiple of this, which is one of the partial sums of a row: so the sums keep their order.
const ALIGNED: usize = 64;

impl Inputs<'_> {
    /// Queries per block.
    pub(super) fn block(&self) -> usize {
        let narrow = if self.closes() { NARROW } else { self.queries };
        (BLOCK / self.keys).clamp(1, self.queries).min(narrow)
    }

    /// Whether the bias seems to be causal: the first query does not see the last key, or the last one not the first.
    fn closes(&self) -> bool {
        let bias = |query, key: usize| self.bias.row([0, 0], query)[key];
        self.queries > NARROW && (bias(0, self.keys - 1) <= CLOSED || bias(self.queries - 1, 0) <= CLOSED)
    }

    /// The keys that some of the queries see. The weights of all others are 0, since each of these queries sees one that is open. They
    /// are all keys if a query sees none, because such a query weighs all keys alike.
    pub(super) fn visible(&self, at: [usize; 2], queries: Range<usize>) -> Range<usize> {
        let (mut first, mut end) = (self.keys, 0);
        for query in queries.rev() {
            let bias = self.bias.row(at, query);
            let sees = |bias: &f32| *bias > CLOSED || bias.is_nan();
            match bias.iter().position(sees) {
                Some(key) if bias[key] >= OPEN || bias.iter().any(|bias| *bias >= OPEN) => {
                    first = first.min(key);
                    end += bias[end..].iter().rposition(sees).map_or(0, |key| key + 1);
                }
                _ => return 0..self.keys,
            }
        }
        first / ALIGNED * ALIGNED..end.next_multiple_of(ALIGNED).min(self.keys)
    }

    pub(super) fn blocks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (queries, block) = (self.queries, self.block());
        (0..queries).step_by(block).map(move |start| start..queries.min(start + block))
    }

    /// Multiplications of one of the products.
    pub(super) fn work(&self) -> usize {
        self.batch * self.heads * self.queries * self.keys * self.d
    }

    /// The scores `[queries, keys]` of some queries and keys with their bias, computed in `memory`.
    pub(super) fn scores<'s>(
        &self,
        [batch, head]: [usize; 2],
        [queries, keys]: [Range<usize>; 2],
        memory: &'s mut [MaybeUninit<f32>],
    ) -> &'s mut [f32] {
        let dims = [queries.len(), keys.len()];
        let q = self.q.matrix([batch, head], queries.clone());
        let k = self.k.matrix([batch, head / self.group], keys.clone());
        let scores = MatMut::row_major(&mut memory[..dims[0] * dims[1]], dims);
        let scores = matmul::write(scores, q, k.transposed(), self.scale).into_slice();
        for (query, row) in queries.zip(scores.chunks_exact_mut(dims[1])) {
            let bias = &self.bias.row([batch, head], query)[keys.clone()];
            row.iter_mut().zip(bias).for_each(|(s, b)| *s += b);
        }
        scores
    }
}
