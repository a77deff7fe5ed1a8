use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::config::ClipConfig;
use super::embeddings::ClipVisionEmbeddings;
use super::layer::ClipEncoderLayer;
use crate::checkpoint::checkpointed;
use crate::encoder::{Encoder, EncoderBody};
use crate::error::ModelError;
use crate::inputs::ModelInputs;
use crate::norm::LayerNorm;
use crate::output::Trace;

/// The stack of blocks.
#[derive(Module, Debug)]
pub struct ClipEncoder {
    /// The blocks.
    pub layers: Vec<ClipEncoderLayer>,
}

/// The image tower, which is Hugging Face's `CLIPVisionModel`.
#[derive(Module, Debug)]
pub struct ClipVisionModel {
    /// The embeddings.
    pub embeddings: ClipVisionEmbeddings,
    /// The norm of the embeddings. Its name is misspelt in Hugging Face.
    pub pre_layrnorm: LayerNorm,
    /// The blocks.
    pub encoder: ClipEncoder,
    /// The norm of the first token, which makes the vector of the image. A classifier does not use it.
    pub post_layernorm: LayerNorm,
}

impl ClipConfig {
    /// Makes a freshly initialised model. A weight takes no memory before it is first read.
    pub fn init(&self, device: &Device) -> Encoder<ClipVisionModel> {
        Encoder::new(self, device)
    }
}

impl EncoderBody for ClipVisionModel {
    type Config = ClipConfig;

    fn new(config: &ClipConfig, _: bool, device: &Device) -> Self {
        let norm = || LayerNorm::new(config.hidden_size, config.layer_norm_eps, device);
        let layers = (0..config.num_hidden_layers).map(|_| ClipEncoderLayer::new(config, device));
        Self {
            embeddings: ClipVisionEmbeddings::new(config, device),
            pre_layrnorm: norm(),
            encoder: ClipEncoder { layers: layers.collect() },
            post_layernorm: norm(),
        }
    }

    fn encode(
        &self,
        config: &ClipConfig,
        inputs: &ModelInputs,
        mut trace: Trace,
    ) -> Result<Tensor<3>, ModelError> {
        let embedded = self.embeddings.forward(config.image().pixels(inputs)?);
        let mut x = self.pre_layrnorm.forward(embedded);
        for layer in &self.encoder.layers {
            trace.push(&x);
            x = checkpointed(layer, x, [], |layer, x, []| layer.forward(x));
        }
        trace.push(&x);
        Ok(x)
    }

    fn pool(&self, x: Tensor<3>) -> Tensor<3> {
        self.post_layernorm.forward(x.narrow(1, 0, 1))
    }
}
