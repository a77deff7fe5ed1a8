use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::config::ViTConfig;
use super::embeddings::ViTEmbeddings;
use super::layer::ViTLayer;
use crate::activation::Activation;
use crate::checkpoint::checkpointed;
use crate::encoder::{Encoder, EncoderBody};
use crate::error::ModelError;
use crate::inputs::ModelInputs;
use crate::layers::linear;
use crate::norm::LayerNorm;
use crate::output::Trace;

/// The pooler: `act(dense(first token))`.
#[derive(Module, Debug)]
pub struct ViTPooler {
    /// `[d, d_pooler]`
    pub dense: Linear,
    #[module(skip)]
    activation: Activation,
}

/// The body of a ViT, which is Hugging Face's `ViTModel`.
#[derive(Module, Debug)]
pub struct ViTModel {
    /// The embeddings.
    pub embeddings: ViTEmbeddings,
    /// The blocks.
    pub layers: Vec<ViTLayer>,
    /// The norm of the last hidden states.
    pub layernorm: LayerNorm,
    /// The pooler, in a model without a head.
    pub pooler: Option<ViTPooler>,
}

impl ViTConfig {
    /// Makes a freshly initialised model. A weight takes no memory before it is first read.
    pub fn init(&self, device: &Device) -> Encoder<ViTModel> {
        Encoder::new(self, device)
    }
}

impl ViTPooler {
    fn new(config: &ViTConfig, device: &Device) -> Self {
        let dense = linear(config.hidden_size, config.pooler_width(), true, config.initializer_range, device);
        Self { dense, activation: config.pooler_act }
    }
}

impl EncoderBody for ViTModel {
    type Config = ViTConfig;

    fn new(config: &ViTConfig, pooler: bool, device: &Device) -> Self {
        Self {
            embeddings: ViTEmbeddings::new(config, device),
            layers: (0..config.num_hidden_layers).map(|_| ViTLayer::new(config, device)).collect(),
            layernorm: LayerNorm::new(config.hidden_size, config.layer_norm_eps, device),
            pooler: pooler.then(|| ViTPooler::new(config, device)),
        }
    }

    fn encode(
        &self,
        config: &ViTConfig,
        inputs: &ModelInputs,
        mut trace: Trace,
    ) -> Result<Tensor<3>, ModelError> {
        let mut x = self.embeddings.forward(config.image().pixels(inputs)?);
        for layer in &self.layers {
            trace.push(&x);
            x = checkpointed(layer, x, [], |layer, x, []| layer.forward(x));
        }
        trace.push(&x);
        Ok(self.layernorm.forward(x))
    }

    fn pool(&self, x: Tensor<3>) -> Tensor<3> {
        let first = x.narrow(1, 0, 1);
        match &self.pooler {
            Some(pooler) => pooler.activation.forward(pooler.dense.ia3_forward(first)),
            None => first,
        }
    }
}
