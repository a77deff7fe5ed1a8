use burn::module::Module;
use burn::nn::{Dropout, Embedding};
use burn::tensor::{Device, Distribution, Int, Tensor};
use ia3_core::{Tied, embed};

use super::config::BartConfig;
use super::layer::{BartDecoderLayer, BartEncoderLayer, norm};
use super::positions::{Positions, table};
use crate::decoder_memory::DecoderMemory;
use crate::layers::{dropout, embedding};
use crate::mask;
use crate::norm::LayerNorm;
use crate::output::Trace;

/// The embedding that the stacks are tied to.
pub(super) const SHARED: &str = "shared";

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

/// The decoder.
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

/// How ids become the input of a stack.
#[derive(Clone, Copy, Debug)]
struct Embeddings {
    scale: f64,
    positions: Positions,
}

impl Embeddings {
    fn new(config: &BartConfig) -> Self {
        let (kind, pad_token_id) = (config.positions, config.pad_token_id);
        Self {
            scale: config.embed_scale(),
            positions: Positions { kind, width: config.d_model, pad_token_id },
        }
    }

    /// The scaled embeddings of ids `[batch, seq]` after `past` tokens, plus their positions.
    fn forward(
        self,
        words: &Embedding,
        table: &Option<Embedding>,
        ids: Tensor<2, Int>,
        past: usize,
    ) -> Tensor<3> {
        let x = embed(words, ids.clone());
        let x = if self.scale == 1.0 { x } else { x * self.scale };
        let (positions, dtype) = (self.positions.of(table, ids, past), x.dtype());
        x + positions.cast(dtype)
    }
}

impl BartEncoder {
    pub(crate) fn new(config: &BartConfig, device: &Device) -> Self {
        let own = || embedding(config.vocab_size, config.d_model, config.init_std, device);
        Self {
            embed_tokens: Tied::to(SHARED).with_own(config.own_encoder_embedding.then(own)),
            embed_positions: config.encoder_position_table.then(|| table(config, device)),
            layers: (0..config.encoder_layers).map(|_| BartEncoderLayer::new(config, device)).collect(),
            layernorm_embedding: config.norm_embedding.then(|| norm(config, device)),
            layer_norm: config.norm_before.then(|| norm(config, device)),
            dropout: dropout(config.dropout),
            layerdrop: dropout(config.encoder_layerdrop),
            embeddings: Embeddings::new(config),
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
        let x = self.embeddings.forward(words, &self.embed_positions, ids, 0);
        let bias = mask::padding(mask, x.dtype());
        let mut x = self.dropout.forward(normed(&self.layernorm_embedding, x));
        for layer in &self.layers {
            trace.push(&x);
            x = kept(&self.layerdrop, x.clone(), layer.forward(x, bias.clone()));
        }
        let x = normed(&self.layer_norm, x);
        trace.push(&x);
        (x, bias)
    }
}

impl BartDecoder {
    pub(crate) fn new(config: &BartConfig, device: &Device) -> Self {
        let own = || embedding(config.decoder_vocab_size, config.d_model, config.init_std, device);
        Self {
            embed_tokens: Tied::to(SHARED).with_own(config.own_decoder_embedding.then(own)),
            embed_positions: config.decoder_position_table.then(|| table(config, device)),
            layers: (0..config.decoder_layers).map(|_| BartDecoderLayer::new(config, device)).collect(),
            layernorm_embedding: config.norm_embedding.then(|| norm(config, device)),
            layer_norm: config.norm_before.then(|| norm(config, device)),
            dropout: dropout(config.dropout),
            layerdrop: dropout(config.decoder_layerdrop),
            embeddings: Embeddings::new(config),
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
        memory: &mut DecoderMemory,
        mut trace: Trace,
    ) -> Tensor<3> {
        let past = memory.past_len();
        let x = self.embeddings.forward(words, &self.embed_positions, ids, past);
        let bias = mask::causal(x.dims()[1], past, None, &x.device(), x.dtype());
        let bias = match mask {
            Some(mask) => bias + mask::padding(mask, x.dtype()),
            None => bias,
        };
        let mut x = self.dropout.forward(normed(&self.layernorm_embedding, x));
        for (i, layer) in self.layers.iter().enumerate() {
            trace.push(&x);
            let (cross, cross_bias, cache) = memory.block(i);
            let y = layer.forward(x.clone(), bias.clone(), cross, cross_bias, cache);
            x = kept(&self.layerdrop, x, y);
        }
        let x = normed(&self.layer_norm, x);
        trace.push(&x);
        x
    }
}

fn normed(norm: &Option<LayerNorm>, x: Tensor<3>) -> Tensor<3> {
    match norm {
        Some(norm) => norm.forward(x),
        None => x,
    }
}

/// The output `y` of a block with the input `x`, or `x` where training skips the block (LayerDrop, arXiv 1909.11556). A skipped
/// block is computed all the same, so that its vectors get gradients, which are 0.
fn kept(layerdrop: &Dropout, x: Tensor<3>, y: Tensor<3>) -> Tensor<3> {
    let drops = layerdrop.prob > 0.0 && layerdrop.training.is_enabled() && x.device().is_autodiff();
    let draw = || Tensor::<1>::random([1], Distribution::Uniform(0.0, 1.0), &x.device()).into_scalar::<f32>();
    match drops && f64::from(draw()) < layerdrop.prob {
        true => x.clone() + (y - x) * 0.0,
        false => y,
    }
}
