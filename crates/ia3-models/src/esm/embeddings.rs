use burn::module::Module;
use burn::nn::Embedding;
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::config::EsmConfig;
use super::token_dropout;
use crate::error::ModelError;
use crate::inputs::ModelInputs;
use crate::layers::{embedding, states};
use crate::norm::LayerNorm;
use crate::positions::positions;

/// The embeddings of a protein: those of its tokens, scaled, with those of positions and a norm where the model has them. The
/// embeddings of padding are zero.
#[derive(Module, Debug)]
pub struct EsmEmbeddings {
    /// The embedding of tokens, `[vocab, d]`.
    pub word_embeddings: Embedding,
    /// The embedding of positions, `[max_positions, d]`, in a model with learned positions.
    pub position_embeddings: Option<Embedding>,
    /// The norm of the sum, in a model with `emb_layer_norm_before`.
    pub layer_norm: Option<LayerNorm>,
}

impl EsmEmbeddings {
    pub(super) fn new(config: &EsmConfig, device: &Device) -> Self {
        let table = |rows| embedding(rows, config.hidden_size, config.initializer_range, device);
        let norm = || LayerNorm::new(config.hidden_size, config.layer_norm_eps, device);
        Self {
            word_embeddings: table(config.vocab_size),
            position_embeddings: (!config.is_rotary()).then(|| table(config.max_position_embeddings)),
            layer_norm: config.emb_layer_norm_before.then(norm),
        }
    }

    /// Embeds ids `[batch, seq]`. The result is `[batch, seq, d]`.
    pub(super) fn forward(
        &self,
        config: &EsmConfig,
        inputs: &ModelInputs,
        ids: &Tensor<2, Int>,
    ) -> Result<Tensor<3>, ModelError> {
        let rows = |table: &Embedding, ids| states(table, ids, config.float32_states);
        let mut x = rows(&self.word_embeddings, ids.clone());
        if let Some(hidden) = config.mask_token_id.filter(|_| config.token_dropout) {
            let factors = token_dropout::factors(ids, inputs.attention_mask.as_ref(), hidden)?;
            let [batch, seq] = ids.dims();
            let factors = TensorData::new(factors, [batch, seq, 1]);
            x = x.clone() * Tensor::from_data(factors, (&x.device(), x.dtype()));
        }
        if let Some(table) = &self.position_embeddings {
            let (pad, max) = (config.pad_token_id(), config.max_position_embeddings);
            x = x + rows(table, positions(Some(pad), max, inputs, ids)?);
        }
        if let Some(norm) = &self.layer_norm {
            x = norm.forward(x);
        }
        Ok(match inputs.attention_mask.clone() {
            Some(mask) => x.clone() * mask.float().cast(x.dtype()).unsqueeze_dim::<3>(2),
            None => x,
        })
    }
}
