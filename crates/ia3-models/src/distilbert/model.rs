#![allow(non_snake_case)] // Fields are named as Hugging Face names them.

use burn::module::Module;
use burn::nn::{Dropout, Embedding};
use burn::tensor::{Device, Int, Tensor};

use super::block::DistilBertBlock;
use super::config::DistilBertConfig;
use crate::checkpoint::checkpointed;
use crate::encoder::{Encoder, EncoderBody};
use crate::error::ModelError;
use crate::inputs::{ModelInputs, check_positions, no_token_types, required};
use crate::layers::{dropout, embedding, states};
use crate::mask;
use crate::norm::LayerNorm;
use crate::output::Trace;

/// The embeddings of a text: `LayerNorm(word + position)`.
#[derive(Module, Debug)]
pub struct DistilBertEmbeddings {
    /// The embedding of tokens, `[vocab, d]`.
    pub word_embeddings: Embedding,
    /// The embedding of positions, `[max_positions, d]`.
    pub position_embeddings: Embedding,
    /// The norm of the sum.
    pub LayerNorm: LayerNorm,
    /// The dropout after the norm.
    pub dropout: Dropout,
    #[module(skip)]
    float32_states: bool,
}

/// The stack of blocks.
#[derive(Module, Debug)]
pub struct DistilBertTransformer {
    /// The blocks.
    pub layer: Vec<DistilBertBlock>,
}

/// The body: embeddings and blocks.
#[derive(Module, Debug)]
pub struct DistilBertModel {
    /// The embeddings.
    pub embeddings: DistilBertEmbeddings,
    /// The blocks.
    pub transformer: DistilBertTransformer,
}

impl DistilBertConfig {
    /// Makes a freshly initialised model. A weight takes no memory before it is first read.
    pub fn init(&self, device: &Device) -> Encoder<DistilBertModel> {
        Encoder::new(self, device)
    }
}

impl DistilBertEmbeddings {
    /// Embeds ids `[batch, seq]` at positions `[batch or 1, seq]`. The result is `[batch, seq, d]`.
    fn forward(&self, ids: Tensor<2, Int>, positions: Tensor<2, Int>) -> Tensor<3> {
        let rows = |table: &Embedding, ids| states(table, ids, self.float32_states);
        let x = rows(&self.word_embeddings, ids) + rows(&self.position_embeddings, positions);
        self.dropout.forward(self.LayerNorm.forward(x))
    }
}

impl EncoderBody for DistilBertModel {
    type Config = DistilBertConfig;

    fn new(config: &DistilBertConfig, _: bool, device: &Device) -> Self {
        let table = |rows| embedding(rows, config.dim, config.initializer_range, device);
        let embeddings = DistilBertEmbeddings {
            word_embeddings: table(config.vocab_size),
            position_embeddings: table(config.max_position_embeddings),
            LayerNorm: LayerNorm::new(config.dim, DistilBertConfig::EPSILON, device),
            dropout: dropout(config.dropout),
            float32_states: config.float32_states,
        };
        let layer = (0..config.n_layers).map(|_| DistilBertBlock::new(config, device)).collect();
        Self { embeddings, transformer: DistilBertTransformer { layer } }
    }

    fn encode(
        &self,
        config: &DistilBertConfig,
        inputs: &ModelInputs,
        mut trace: Trace,
    ) -> Result<Tensor<3>, ModelError> {
        no_token_types(inputs, "distilbert")?;
        let ids = required("input_ids", &inputs.input_ids)?;
        check_positions(&inputs.position_ids, ids.dims()[1], config.max_position_embeddings)?;
        let positions = inputs.positions(&ids);
        let mut x = self.embeddings.forward(ids, positions);
        let bias = mask::of_encoder(inputs.attention_mask.as_ref(), false, &x);
        for block in &self.transformer.layer {
            trace.push(&x);
            let bias = bias.clone();
            x = checkpointed(block, x, [], move |block, x, []| block.forward(x, bias.clone()));
        }
        trace.push(&x);
        Ok(x)
    }

    fn word_embeddings(&self) -> Option<&Embedding> {
        Some(&self.embeddings.word_embeddings)
    }
}
