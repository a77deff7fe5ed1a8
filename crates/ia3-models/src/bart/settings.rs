//! What the two stacks of BART and its kin are made of. Whisper's decoder is such a stack, and its encoder has such blocks.

use super::config::{BartConfig, BartPositions};
use super::embeddings::Embeddings;
use super::positions::Positions;
use crate::activation::Activation;

/// The sizes and settings of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockSettings {
    pub(crate) d_model: usize,
    pub(crate) heads: usize,
    pub(crate) ffn_dim: usize,
    pub(crate) activation: Activation,
    /// Whether the norms precede the layers.
    pub(crate) norm_before: bool,
    /// Whether the projection to keys has a bias.
    pub(crate) key_bias: bool,
    pub(crate) init_std: f64,
    pub(crate) dropout: f64,
    pub(crate) attention_dropout: f64,
    pub(crate) activation_dropout: f64,
}

/// The settings of a stack that reads tokens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StackSettings {
    pub(crate) block: BlockSettings,
    pub(crate) layers: usize,
    pub(crate) layerdrop: f64,
    /// Whether a norm follows the sum of embeddings and positions.
    pub(crate) norm_embedding: bool,
    /// The number of ids of an embedding of its own, if the stack has one.
    pub(crate) own_embedding: Option<usize>,
    /// The number of rows of the table of positions, if there is one.
    pub(crate) position_rows: Option<usize>,
    pub(crate) embeddings: Embeddings,
}

/// The rows before the first position of a learned table, which fairseq kept for its padding.
const OFFSET: usize = 2;

impl BartConfig {
    /// The settings of the encoder.
    pub(super) fn encoder_stack(&self) -> StackSettings {
        StackSettings {
            block: self.block(self.encoder_attention_heads, self.encoder_ffn_dim),
            layers: self.encoder_layers,
            layerdrop: self.encoder_layerdrop,
            norm_embedding: self.norm_embedding,
            own_embedding: self.own_encoder_embedding.then_some(self.vocab_size),
            position_rows: self.encoder_position_table.then(|| self.position_rows()),
            embeddings: self.embeddings(),
        }
    }

    /// The settings of the decoder.
    pub(super) fn decoder_stack(&self) -> StackSettings {
        StackSettings {
            block: self.block(self.decoder_attention_heads, self.decoder_ffn_dim),
            layers: self.decoder_layers,
            layerdrop: self.decoder_layerdrop,
            norm_embedding: self.norm_embedding,
            own_embedding: self.own_decoder_embedding.then_some(self.decoder_vocab_size),
            position_rows: self.decoder_position_table.then(|| self.position_rows()),
            embeddings: self.embeddings(),
        }
    }

    fn block(&self, heads: usize, ffn_dim: usize) -> BlockSettings {
        BlockSettings {
            d_model: self.d_model,
            heads,
            ffn_dim,
            activation: self.activation_function,
            norm_before: self.norm_before,
            key_bias: true,
            init_std: self.init_std,
            dropout: self.dropout,
            attention_dropout: self.attention_dropout,
            activation_dropout: self.activation_dropout,
        }
    }

    fn embeddings(&self) -> Embeddings {
        let positions = Positions {
            kind: self.positions,
            first_row: self.first_row(),
            width: self.d_model,
            pad_token_id: self.pad_token_id,
        };
        Embeddings { scale: self.embed_scale(), positions, float32_states: self.float32_states }
    }

    fn position_rows(&self) -> usize {
        self.max_position_embeddings + self.first_row()
    }

    /// The number of unused rows at the start of a table.
    fn first_row(&self) -> usize {
        if self.positions == BartPositions::Learned { OFFSET } else { 0 }
    }
}
