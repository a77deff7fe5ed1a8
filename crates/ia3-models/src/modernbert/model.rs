use burn::module::Module;
use burn::nn::{Dropout, Embedding};
use burn::tensor::{Device, Int, Tensor};

use super::config::ModernBertConfig;
use super::layer::ModernBertEncoderLayer;
use super::sight::Sight;
use crate::checkpoint::checkpointed;
use crate::encoder::{Encoder, EncoderBody};
use crate::error::ModelError;
use crate::inputs::{ModelInputs, no_token_types, required};
use crate::layers::{dropout, embedding, states};
use crate::mask;
use crate::norm::LayerNorm;
use crate::output::Trace;
use crate::rotary::Rotation;

/// The embeddings of a text: `norm(word)`.
#[derive(Module, Debug)]
pub struct ModernBertEmbeddings {
    /// The embedding of tokens, `[vocab, d]`.
    pub tok_embeddings: Embedding,
    /// The norm.
    pub norm: LayerNorm,
    /// The dropout after the norm.
    pub drop: Dropout,
}

/// The body: embeddings, blocks and a norm.
#[derive(Module, Debug)]
pub struct ModernBertModel {
    /// The embeddings.
    pub embeddings: ModernBertEmbeddings,
    /// The blocks.
    pub layers: Vec<ModernBertEncoderLayer>,
    /// The norm of the last hidden states.
    pub final_norm: LayerNorm,
}

impl ModernBertConfig {
    /// Makes a freshly initialised model. A weight takes no memory before it is first read.
    pub fn init(&self, device: &Device) -> Encoder<ModernBertModel> {
        Encoder::new(self, device)
    }
}

impl ModernBertEmbeddings {
    /// Embeds ids `[batch, seq]`. The result is `[batch, seq, d]`.
    fn forward(&self, ids: Tensor<2, Int>, float32_states: bool) -> Tensor<3> {
        self.drop.forward(self.norm.forward(states(&self.tok_embeddings, ids, float32_states)))
    }
}

impl EncoderBody for ModernBertModel {
    type Config = ModernBertConfig;

    fn new(config: &ModernBertConfig, _: bool, device: &Device) -> Self {
        let tok_embeddings =
            embedding(config.vocab_size, config.hidden_size, config.initializer_range, device);
        let (norm, drop) = (config.norm(device), dropout(config.embedding_dropout));
        let layer = |index| ModernBertEncoderLayer::new(index, config, device);
        Self {
            embeddings: ModernBertEmbeddings { tok_embeddings, norm, drop },
            layers: (0..config.num_hidden_layers).map(layer).collect(),
            final_norm: config.norm(device),
        }
    }

    fn encode(
        &self,
        config: &ModernBertConfig,
        inputs: &ModelInputs,
        mut trace: Trace,
    ) -> Result<Tensor<3>, ModelError> {
        no_token_types(inputs, "modernbert")?;
        let ids = required("input_ids", &inputs.input_ids)?;
        let [global, local] =
            config.frequencies()?.map(|frequencies| Rotation::at(inputs.positions(&ids), &frequencies));
        let mut x = self.embeddings.forward(ids, config.float32_states);
        let padding = mask::of_encoder(inputs.attention_mask.as_ref(), false, &x);
        for (layer, window) in self.layers.iter().zip(config.windows()?) {
            trace.push(&x);
            let rotation = if window.is_some() { local.clone() } else { global.clone() };
            let sight = Sight::new(window, padding.clone(), &x);
            x = checkpointed(layer, x, [], move |layer, x, []| layer.forward(x, sight.clone(), &rotation));
        }
        let x = self.final_norm.forward(x);
        trace.push(&x);
        Ok(x)
    }

    fn word_embeddings(&self) -> Option<&Embedding> {
        Some(&self.embeddings.tok_embeddings)
    }
}
