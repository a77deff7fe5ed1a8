use burn::tensor::{Device, Int, Tensor};

use crate::cache::KvCache;

/// The keys and values of one sequence, each `[batch, heads, keys, d_head]`.
pub(crate) type KeysValues = [Tensor<4>; 2];

/// The state of the decoder of an encoder-decoder between the steps of a generation: the keys and values of the encoder's
/// output for each block, and those of the tokens that were decoded.
pub(crate) struct DecoderMemory {
    cross: Vec<KeysValues>,
    cross_bias: Tensor<4>,
    past: Option<Vec<KvCache>>,
}

impl DecoderMemory {
    /// The state before the first token, from the keys and values of the encoder's output for each block and the bias
    /// `[batch, 1, 1, keys]` of its padding. With a `capacity`, the decoder caches up to that many tokens and decodes step by
    /// step.
    pub(crate) fn new(cross: Vec<KeysValues>, cross_bias: Tensor<4>, capacity: Option<usize>) -> Self {
        let caches = |n| cross.iter().map(|_| KvCache::new(n)).collect();
        Self { past: capacity.map(caches), cross, cross_bias }
    }

    /// The number of rows of the encoder's output.
    pub(crate) fn rows(&self) -> usize {
        self.cross_bias.dims()[0]
    }

    pub(crate) fn device(&self) -> Device {
        self.cross_bias.device()
    }

    /// The state before the first token, for one pass without a cache.
    pub(crate) fn without_cache(&self) -> Self {
        Self { cross: self.cross.clone(), cross_bias: self.cross_bias.clone(), past: None }
    }

    /// Selects rows of the encoder's output by `index`. No token has been decoded yet, neither before nor in the result.
    pub(crate) fn select(self, index: Tensor<1, Int>) -> Self {
        let rows = |x: Tensor<4>| x.select(0, index.clone());
        let cross = self.cross.into_iter().map(|kv| kv.map(rows)).collect();
        Self { cross, cross_bias: rows(self.cross_bias), past: self.past }
    }

    /// Makes the tokens that row `i` decoded those of row `rows[i]`, which has the same output of the encoder.
    pub(crate) fn reorder(&mut self, rows: &Tensor<1, Int>) {
        self.past.iter_mut().flatten().for_each(|cache| cache.select(rows));
    }

    /// The number of tokens that were decoded.
    pub(crate) fn past_len(&self) -> usize {
        self.past.as_ref().map_or(0, |p| p[0].len())
    }

    /// For block `i`: the keys and values of the encoder's output, the bias of its padding, and the cache of decoded tokens.
    pub(crate) fn block(&mut self, i: usize) -> (KeysValues, Tensor<4>, Option<&mut KvCache>) {
        let cache = self.past.as_mut().map(|p| &mut p[i]);
        (self.cross[i].clone(), self.cross_bias.clone(), cache)
    }
}
