use burn::module::Module;
use burn::nn::{Dropout, Embedding};
use burn::tensor::{Device, Int, Tensor};
use ia3_core::Tied;

use super::block::{T5DecoderBlock, T5EncoderBlock, dropout, norm};
use super::config::T5Config;
use crate::checkpoint::checkpointed;
use crate::decoder_memory::{DecoderMemory, DecoderState, decoder_block};
use crate::layers::states;
use crate::mask;
use crate::norm::RmsNorm;
use crate::output::Trace;
use crate::past::Past;

/// The embedding that head and stacks are tied to.
pub(super) const SHARED: &str = "shared";

/// The encoder: blocks, a final norm, and dropout before and after.
#[derive(Module, Debug)]
pub struct T5Encoder {
    /// The embedding, `[vocab, d_model]`; tied unless a checkpoint holds one that differs from the shared one.
    pub embed_tokens: Tied<Embedding>,
    /// The blocks.
    pub block: Vec<T5EncoderBlock>,
    /// The RMS norm of the output.
    pub final_layer_norm: RmsNorm,
    /// The dropout on the embeddings and on the output.
    pub dropout: Dropout,
}

/// The decoder: blocks and a final norm, with dropout before and after them.
#[derive(Module, Debug)]
pub struct T5Decoder {
    /// The embedding, `[vocab, d_model]`; tied unless a checkpoint holds one that differs from the shared one.
    pub embed_tokens: Tied<Embedding>,
    /// The blocks.
    pub block: Vec<T5DecoderBlock>,
    /// The RMS norm of the output.
    pub final_layer_norm: RmsNorm,
    /// The dropout on the embeddings and on the output.
    pub dropout: Dropout,
}

/// The encoder's states `[batch, seq, d_model]` of ids `[batch, seq]`, and the bias of their padding. The encoder is given with the
/// shared embedding.
pub(super) fn encoded(
    config: &T5Config,
    (shared, encoder): (&Embedding, &T5Encoder),
    ids: Tensor<2, Int>,
    mask: Option<Tensor<2, Int>>,
    trace: Trace,
) -> (Tensor<3>, Tensor<4>) {
    let mask = mask.unwrap_or_else(|| ids.ones_like());
    let table = encoder.embed_tokens.as_ref().unwrap_or(shared);
    let x = states(table, ids, config.float32_states);
    let padding = mask::padding(mask, x.dtype());
    (encoder.forward(x, padding.clone(), trace), padding)
}

/// The decoder's states `[batch, new, d_model]` of ids `[batch, new]`. The decoder is given with the shared embedding.
pub(super) fn decoded(
    config: &T5Config,
    (shared, decoder): (&Embedding, &T5Decoder),
    ids: Tensor<2, Int>,
    mask: Option<Tensor<2, Int>>,
    memory: &mut dyn DecoderState,
    trace: Trace,
) -> Tensor<3> {
    let table = decoder.embed_tokens.as_ref().unwrap_or(shared);
    decoder.forward(states(table, ids, config.float32_states), mask, memory, trace)
}

impl T5Encoder {
    pub(crate) fn new(config: &T5Config, device: &Device) -> Self {
        Self {
            embed_tokens: Tied::to(SHARED)
                .with_own(config.own_encoder_embedding.then(|| config.embedding(device))),
            block: (0..config.num_layers).map(|i| T5EncoderBlock::new(config, i, device)).collect(),
            final_layer_norm: norm(config, device),
            dropout: dropout(config),
        }
    }

    /// Encodes embeddings `[batch, seq, d_model]` with a padding bias `[batch, 1, 1, seq]`.
    pub(crate) fn forward(&self, x: Tensor<3>, padding: Tensor<4>, mut trace: Trace) -> Tensor<3> {
        let seq = x.dims()[1];
        let position =
            self.block[0].layer.0.SelfAttention.position_bias(seq, &Past::Same(0), true, &x.device());
        let bias = add(position, padding);
        let mut x = self.dropout.forward(x);
        for block in &self.block {
            trace.push(&x);
            x = checkpointed(block, x, [bias.clone()], |block, x, [bias]| block.forward(x, bias));
        }
        let x = self.dropout.forward(self.final_layer_norm.forward(x));
        trace.push(&x);
        x
    }
}

impl T5Decoder {
    pub(crate) fn new(config: &T5Config, device: &Device) -> Self {
        let blocks = 0..config.num_decoder_layers;
        Self {
            embed_tokens: Tied::to(SHARED)
                .with_own(config.own_decoder_embedding.then(|| config.embedding(device))),
            block: blocks.map(|i| T5DecoderBlock::new(config, i, device)).collect(),
            final_layer_norm: norm(config, device),
            dropout: dropout(config),
        }
    }

    /// Prepares decoding for the encoder's output `encoded` `[batch, seq, d_model]` and its padding bias. With a `capacity`, the
    /// decoder caches up to that many tokens and decodes step by step.
    pub(crate) fn remember(
        &self,
        encoded: Tensor<3>,
        padding: Tensor<4>,
        capacity: Option<usize>,
    ) -> DecoderMemory {
        let cross = self.block.iter().map(|b| b.cross_keys_values(encoded.clone())).collect();
        DecoderMemory::new(cross, padding, capacity)
    }

    /// Decodes embeddings `[batch, new, d_model]` of tokens that follow the tokens in `memory`.
    pub(crate) fn forward(
        &self,
        x: Tensor<3>,
        attention_mask: Option<Tensor<2, Int>>,
        memory: &mut dyn DecoderState,
        mut trace: Trace,
    ) -> Tensor<3> {
        let bias = self.self_bias(&x, attention_mask, &memory.past());
        let mut x = self.dropout.forward(x);
        for (i, block) in self.block.iter().enumerate() {
            trace.push(&x);
            x = decoder_block(block, x, bias.clone(), memory.block(i), T5DecoderBlock::forward);
        }
        let x = self.dropout.forward(self.final_layer_norm.forward(x));
        trace.push(&x);
        x
    }

    fn self_bias(&self, x: &Tensor<3>, padding: Option<Tensor<2, Int>>, past: &Past) -> Tensor<4> {
        let attention = &self.block[0].layer.0.SelfAttention;
        let position = attention.position_bias(x.dims()[1], past, false, &x.device());
        let bias = add(position, past.causal(x));
        match padding {
            Some(padding) => bias + mask::padding(padding, x.dtype()),
            None => bias,
        }
    }
}

fn add(position: Option<Tensor<4>>, mask: Tensor<4>) -> Tensor<4> {
    match position {
        Some(position) => position.cast(mask.dtype()) + mask,
        None => mask,
    }
}
