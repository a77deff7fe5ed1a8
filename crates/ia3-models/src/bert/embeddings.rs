#![allow(non_snake_case)] // Fields are named as Hugging Face names them.

use burn::module::Module;
use burn::nn::{Dropout, Embedding};
use burn::tensor::{Device, Int, Tensor};

use super::config::BertConfig;
use crate::layers::{dropout, embedding, states};
use crate::norm::LayerNorm;

/// The embeddings of a text: `LayerNorm(word + token type + position)`.
#[derive(Module, Debug)]
pub struct BertEmbeddings {
    /// The embedding of tokens, `[vocab, d]`.
    pub word_embeddings: Embedding,
    /// The embedding of positions, `[max_positions, d]`.
    pub position_embeddings: Embedding,
    /// The embedding of token types, `[types, d]`.
    pub token_type_embeddings: Embedding,
    /// The norm of the sum.
    pub LayerNorm: LayerNorm,
    /// The dropout after the norm.
    pub dropout: Dropout,
    #[module(skip)]
    float32_states: bool,
}

impl BertEmbeddings {
    pub(crate) fn new(config: &BertConfig, device: &Device) -> Self {
        let width = config.embedding_width();
        let table = |rows| embedding(rows, width, config.initializer_range, device);
        Self {
            word_embeddings: table(config.vocab_size),
            position_embeddings: table(config.max_position_embeddings),
            token_type_embeddings: table(config.type_vocab_size),
            LayerNorm: LayerNorm::new(width, config.layer_norm_eps, device),
            dropout: dropout(config.hidden_dropout_prob),
            float32_states: config.float32_states,
        }
    }

    /// Embeds ids and types `[batch, seq]` and positions `[batch or 1, seq]`. The result is `[batch, seq, d]`.
    pub(crate) fn forward(
        &self,
        ids: Tensor<2, Int>,
        types: Tensor<2, Int>,
        positions: Tensor<2, Int>,
    ) -> Tensor<3> {
        let rows = |table: &Embedding, ids| states(table, ids, self.float32_states);
        let x = rows(&self.word_embeddings, ids) + rows(&self.token_type_embeddings, types);
        self.dropout.forward(self.LayerNorm.forward(x + rows(&self.position_embeddings, positions)))
    }
}
