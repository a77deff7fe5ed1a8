#![allow(non_snake_case)] // Fields are named as Hugging Face names them.

use burn::module::Module;
use burn::nn::{Dropout, Embedding, Linear};
use burn::tensor::{Device, Int, Tensor};
use ia3_core::Ia3Forward;

use super::config::DebertaConfig;
use crate::error::ModelError;
use crate::inputs::{ModelInputs, check_ids, no_token_types};
use crate::layers::{dropout, embedding, linear, states};
use crate::norm::LayerNorm;
use crate::positions::positions;

/// The embeddings of a text: `LayerNorm(word + position + token type)`, where the model has the last two. Those of padding are 0.
#[derive(Module, Debug)]
pub struct DebertaEmbeddings {
    /// The embedding of tokens, `[vocab, width]`.
    pub word_embeddings: Embedding,
    /// The embedding of positions, `[max_positions, width]`, in a model with `position_biased_input`.
    pub position_embeddings: Option<Embedding>,
    /// The embedding of token types, `[types, width]`, in a model with token types.
    pub token_type_embeddings: Option<Embedding>,
    /// The projection to the width of the hidden states, `[width, d]`, where the two differ.
    pub embed_proj: Option<Linear>,
    /// The norm of the sum.
    pub LayerNorm: LayerNorm,
    /// The dropout after the norm.
    pub dropout: Dropout,
}

impl DebertaEmbeddings {
    pub(super) fn new(config: &DebertaConfig, device: &Device) -> Self {
        let (d, width, std) = (config.hidden_size, config.embedding_size, config.initializer_range);
        let table = |rows| embedding(rows, width, std, device);
        Self {
            word_embeddings: table(config.vocab_size),
            position_embeddings: config.position_biased_input.then(|| table(config.max_position_embeddings)),
            token_type_embeddings: (config.type_vocab_size > 0).then(|| table(config.type_vocab_size)),
            embed_proj: (width != d).then(|| linear(width, d, false, std, device)),
            LayerNorm: LayerNorm::new(d, config.layer_norm_eps, device),
            dropout: dropout(config.hidden_dropout_prob),
        }
    }

    /// Embeds ids `[batch, seq]`. The result is `[batch, seq, d]`.
    pub(super) fn forward(
        &self,
        config: &DebertaConfig,
        inputs: &ModelInputs,
        ids: &Tensor<2, Int>,
    ) -> Result<Tensor<3>, ModelError> {
        let rows = |table: &Embedding, ids| states(table, ids, config.float32_states);
        let mut x = rows(&self.word_embeddings, ids.clone());
        if let Some(table) = &self.position_embeddings {
            x = x + rows(table, positions(None, config.max_position_embeddings, inputs, ids)?);
        }
        match &self.token_type_embeddings {
            None => no_token_types(inputs, config.model_type())?,
            Some(table) => {
                check_ids("token_type_ids", &inputs.token_type_ids, config.type_vocab_size)?;
                let types = inputs.token_type_ids.clone().unwrap_or_else(|| ids.zeros_like());
                x = x + rows(table, types);
            }
        }
        if let Some(project) = &self.embed_proj {
            x = project.ia3_forward(x);
        }
        let x = self.LayerNorm.forward(x);
        Ok(self.dropout.forward(match inputs.attention_mask.clone() {
            Some(mask) => x.clone() * mask.float().cast(x.dtype()).unsqueeze_dim::<3>(2),
            None => x,
        }))
    }
}
