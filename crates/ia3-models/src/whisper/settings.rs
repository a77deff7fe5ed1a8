use super::config::WhisperConfig;
use crate::bart::{BartPositions, BlockSettings, Embeddings, Positions, StackSettings};

impl WhisperConfig {
    /// The settings of the blocks of the encoder.
    pub(super) fn encoder_block(&self) -> BlockSettings {
        self.block(self.encoder_attention_heads, self.encoder_ffn_dim)
    }

    /// The settings of the decoder.
    pub(super) fn decoder_stack(&self) -> StackSettings {
        let positions = Positions {
            kind: BartPositions::Learned,
            first_row: 0,
            width: self.d_model,
            pad_token_id: self.pad_token_id,
        };
        StackSettings {
            block: self.block(self.decoder_attention_heads, self.decoder_ffn_dim),
            layers: self.decoder_layers,
            layerdrop: self.decoder_layerdrop,
            norm_embedding: false,
            own_embedding: Some(self.vocab_size),
            position_rows: Some(self.max_target_positions),
            embeddings: Embeddings { scale: 1.0, positions, float32_states: self.float32_states },
        }
    }

    fn block(&self, heads: usize, ffn_dim: usize) -> BlockSettings {
        BlockSettings {
            d_model: self.d_model,
            heads,
            ffn_dim,
            activation: self.activation_function,
            norm_before: true,
            key_bias: false,
            init_std: self.init_std,
            dropout: self.dropout,
            attention_dropout: self.attention_dropout,
            activation_dropout: self.activation_dropout,
        }
    }
}
