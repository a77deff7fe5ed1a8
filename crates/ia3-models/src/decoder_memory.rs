use std::sync::Arc;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use ia3_ops::SlotRow;

use crate::cache::KvCache;
use crate::checkpoint::checkpointed;
use crate::past::Past;
use crate::slot_cache::SlotCache;

/// The keys and values of one sequence, each `[batch, heads, keys, d_head]`.
pub(crate) type KeysValues = [Tensor<4>; 2];

/// The keys and values of the encoder's output for one block of the decoder, and the bias on the scores.
pub(crate) enum Cross<'a> {
    /// Those of a batch, and the bias `[batch, 1, 1, keys]` of its padding.
    Batch(&'a KeysValues, &'a Tensor<4>),
    /// Those in slots, of which each row sees its own.
    Slots(&'a SlotCache, &'a Arc<Vec<SlotRow>>, &'a Tensor<4>),
}

/// A block of a decoder, for its states, the bias of the tokens before, the encoder's output and the cache.
type DecoderBlock<B> = fn(&B, Tensor<3>, Tensor<4>, Cross<'_>, Option<&mut KvCache>) -> Tensor<3>;

/// Computes a block of a decoder for the states `x` `[batch, new, d]`. One that keeps no tokens is computed in a checkpoint inside of
/// [`with_gradient_checkpointing`](crate::with_gradient_checkpointing).
pub(crate) fn decoder_block<B: Module + 'static>(
    block: &B,
    x: Tensor<3>,
    bias: Tensor<4>,
    state: (Cross<'_>, Option<&mut KvCache>),
    run: DecoderBlock<B>,
) -> Tensor<3> {
    match state {
        (Cross::Batch([k, v], padding), None) => {
            let padding = padding.clone();
            checkpointed(block, x, [bias, k.clone(), v.clone()], move |block, x, [bias, k, v]| {
                run(block, x, bias, Cross::Batch(&[k, v], &padding), None)
            })
        }
        (cross, cache) => run(block, x, bias, cross, cache),
    }
}

/// What the decoder of an encoder-decoder attends to: the output of the encoder, and the tokens that were decoded.
pub(crate) trait DecoderState {
    /// The number of tokens that were decoded.
    fn past(&self) -> Past;

    /// For block `i`: the encoder's output, and the cache of decoded tokens.
    fn block(&mut self, i: usize) -> (Cross<'_>, Option<&mut KvCache>);
}

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

    /// The keys and values of the encoder's output for each block.
    pub(crate) fn into_cross(self) -> Vec<KeysValues> {
        self.cross
    }
}

impl DecoderState for DecoderMemory {
    fn past(&self) -> Past {
        Past::Same(self.past.as_ref().map_or(0, |p| p[0].len()))
    }

    fn block(&mut self, i: usize) -> (Cross<'_>, Option<&mut KvCache>) {
        let cache = self.past.as_mut().map(|p| &mut p[i]);
        (Cross::Batch(&self.cross[i], &self.cross_bias), cache)
    }
}
