use burn::module::Module;
use burn::nn::{Dropout, Embedding};
use burn::tensor::{Device, Int, Tensor};
use ia3_core::Tied;

use super::embeddings::Embeddings;
use super::layer::{BartDecoderLayer, BartEncoderLayer, norm};
use super::layerdrop::kept;
use super::settings::StackSettings;
use crate::checkpoint::checkpointed;
use crate::decoder_memory::{DecoderMemory, DecoderState, decoder_block};
use crate::layers::{dropout, embedding};
use crate::mask;
use crate::norm::LayerNorm;
use crate::output::Trace;
use crate::past::Past;

/// The embedding that the stacks are tied to.
pub(crate) const SHARED: &str = "shared";

/// The encoder.
#[derive(Module, Debug)]
pub struct BartEncoder {
    /// The embedding, `[vocab, d_model]`; tied unless a checkpoint holds one that differs from the shared one.
    pub embed_tokens: Tied<Embedding>,
    /// The table of positions. M2M-100 has none, and Marian only if its checkpoint holds one.
    pub embed_positions: Option<Embedding>,
    /// The blocks.
    pub layers: Vec<BartEncoderLayer>,
    /// The norm of the sum of embeddings and positions (BART and mBART).
    pub layernorm_embedding: Option<LayerNorm>,
    /// The norm of the output (mBART and M2M-100).
    pub layer_norm: Option<LayerNorm>,
    /// The dropout on the embeddings.
    pub dropout: Dropout,
    /// The share of blocks that are skipped in training.
    pub layerdrop: Dropout,
    #[module(skip)]
    embeddings: Embeddings,
}

/// The decoder. Whisper has the same.
#[derive(Module, Debug)]
pub struct BartDecoder {
    /// The embedding, `[vocab, d_model]`; tied unless a checkpoint holds one that differs from the shared one.
    pub embed_tokens: Tied<Embedding>,
    /// The table of positions. M2M-100 has none, and Marian only if its checkpoint holds one.
    pub embed_positions: Option<Embedding>,
    /// The blocks.
    pub layers: Vec<BartDecoderLayer>,
    /// The norm of the sum of embeddings and positions (BART and mBART).
    pub layernorm_embedding: Option<LayerNorm>,
    /// The norm of the output (mBART and M2M-100).
    pub layer_norm: Option<LayerNorm>,
    /// The dropout on the embeddings.
    pub dropout: Dropout,
    /// The share of blocks that are skipped in training.
    pub layerdrop: Dropout,
    #[module(skip)]
    embeddings: Embeddings,
}

impl BartEncoder {
    pub(crate) fn new(settings: &StackSettings, device: &Device) -> Self {
        let block = &settings.block;
        let table = |rows| embedding(rows, block.d_model, block.init_std, device);
        Self {
            embed_tokens: Tied::to(SHARED).with_own(settings.own_embedding.map(table)),
            embed_positions: settings.position_rows.map(table),
            layers: (0..settings.layers).map(|_| BartEncoderLayer::new(block, device)).collect(),
            layernorm_embedding: settings.norm_embedding.then(|| norm(block, device)),
            layer_norm: block.norm_before.then(|| norm(block, device)),
            dropout: dropout(block.dropout),
            layerdrop: dropout(settings.layerdrop),
            embeddings: settings.embeddings,
        }
    }

    /// Encodes ids `[batch, seq]` with the table of words. It returns the states and the bias of the padding.
    pub(crate) fn forward(
        &self,
        words: &Embedding,
        ids: Tensor<2, Int>,
        mask: Option<Tensor<2, Int>>,
        mut trace: Trace,
    ) -> (Tensor<3>, Tensor<4>) {
        let mask = mask.unwrap_or_else(|| ids.ones_like());
        let x = self.embeddings.forward(words, &self.embed_positions, ids, &Past::Same(0));
        let bias = mask::padding(mask, x.dtype());
        let x = self.dropout.forward(normed(&self.layernorm_embedding, x));
        let x = encoded(&self.layers, &self.layerdrop, x, bias.clone(), &mut trace);
        let x = normed(&self.layer_norm, x);
        trace.push(&x);
        (x, bias)
    }
}

impl BartDecoder {
    pub(crate) fn new(settings: &StackSettings, device: &Device) -> Self {
        let block = &settings.block;
        let table = |rows| embedding(rows, block.d_model, block.init_std, device);
        Self {
            embed_tokens: Tied::to(SHARED).with_own(settings.own_embedding.map(table)),
            embed_positions: settings.position_rows.map(table),
            layers: (0..settings.layers).map(|_| BartDecoderLayer::new(block, device)).collect(),
            layernorm_embedding: settings.norm_embedding.then(|| norm(block, device)),
            layer_norm: block.norm_before.then(|| norm(block, device)),
            dropout: dropout(block.dropout),
            layerdrop: dropout(settings.layerdrop),
            embeddings: settings.embeddings,
        }
    }

    /// Prepares decoding for the encoder's output `[batch, seq, d_model]` and its padding bias. With a `capacity`, the decoder
    /// caches up to that many tokens and decodes step by step.
    pub(crate) fn remember(
        &self,
        (encoded, padding): (Tensor<3>, Tensor<4>),
        capacity: Option<usize>,
    ) -> DecoderMemory {
        let cross = self.layers.iter().map(|layer| layer.encoder_attn.keys_values(encoded.clone())).collect();
        DecoderMemory::new(cross, padding, capacity)
    }

    /// Decodes ids `[batch, new]`, which follow the tokens in `memory`, with the table of words.
    pub(crate) fn forward(
        &self,
        words: &Embedding,
        ids: Tensor<2, Int>,
        mask: Option<Tensor<2, Int>>,
        memory: &mut dyn DecoderState,
        mut trace: Trace,
    ) -> Tensor<3> {
        let past = memory.past();
        let x = self.embeddings.forward(words, &self.embed_positions, ids, &past);
        let bias = past.causal(&x);
        let bias = match mask {
            Some(mask) => bias + mask::padding(mask, x.dtype()),
            None => bias,
        };
        let mut x = self.dropout.forward(normed(&self.layernorm_embedding, x));
        for (i, layer) in self.layers.iter().enumerate() {
            trace.push(&x);
            let y = decoder_block(layer, x.clone(), bias.clone(), memory.block(i), BartDecoderLayer::forward);
            x = kept(&self.layerdrop, x, y);
        }
        let x = normed(&self.layer_norm, x);
        trace.push(&x);
        x
    }
}

/// The output of the blocks of an encoder for states `[batch, seq, d_model]`.
pub(crate) fn encoded(
    layers: &[BartEncoderLayer],
    layerdrop: &Dropout,
    mut x: Tensor<3>,
    bias: Tensor<4>,
    trace: &mut Trace,
) -> Tensor<3> {
    for layer in layers {
        trace.push(&x);
        let bias = bias.clone();
        let y = checkpointed(layer, x.clone(), [], move |layer, x, []| layer.forward(x, bias.clone()));
        x = kept(layerdrop, x, y);
    }
    x
}

fn normed(norm: &Option<LayerNorm>, x: Tensor<3>) -> Tensor<3> {
    match norm {
        Some(norm) => norm.forward(x),
        None => x,
    }
}
