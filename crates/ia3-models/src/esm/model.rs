use burn::module::Module;
use burn::nn::{Embedding, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::config::EsmConfig;
use super::contact_head::EsmContactPredictionHead;
use super::embeddings::EsmEmbeddings;
use super::layer::EsmLayer;
use super::rotary::{EsmRotaryEmbedding, rotation};
use crate::checkpoint::checkpointed;
use crate::encoder::{Encoder, EncoderBody};
use crate::error::ModelError;
use crate::inputs::{ModelInputs, no_token_types, required};
use crate::layers::linear;
use crate::mask;
use crate::norm::LayerNorm;
use crate::output::Trace;

/// The stack of blocks, with a norm at its end.
#[derive(Module, Debug)]
pub struct EsmEncoder {
    /// The blocks.
    pub layer: Vec<EsmLayer>,
    /// The norm of the last hidden states.
    pub emb_layer_norm_after: LayerNorm,
}

/// The pooler: `tanh(dense(first token))`.
#[derive(Module, Debug)]
pub struct EsmPooler {
    /// `[d, d]`
    pub dense: Linear,
}

/// The body of an ESM, which is Hugging Face's `EsmModel`.
#[derive(Module, Debug)]
pub struct EsmModel {
    /// The embeddings.
    pub embeddings: EsmEmbeddings,
    /// The angles of rotary positions, where the checkpoint holds them.
    pub rotary_embeddings: Option<EsmRotaryEmbedding>,
    /// The blocks.
    pub encoder: EsmEncoder,
    /// The pooler, in a model without a head.
    pub pooler: Option<EsmPooler>,
    /// The layer that predicts contacts.
    pub contact_head: EsmContactPredictionHead,
}

impl EsmConfig {
    /// Makes a freshly initialised model. A weight takes no memory before it is first read.
    pub fn init(&self, device: &Device) -> Encoder<EsmModel> {
        Encoder::new(self, device)
    }
}

impl EncoderBody for EsmModel {
    type Config = EsmConfig;

    fn new(config: &EsmConfig, pooler: bool, device: &Device) -> Self {
        let d = config.hidden_size;
        let own_angles = config.is_rotary() && config.own_angles;
        let dense = || linear(d, d, true, config.initializer_range, device);
        Self {
            embeddings: EsmEmbeddings::new(config, device),
            rotary_embeddings: own_angles.then(|| EsmRotaryEmbedding::new(config, device)),
            encoder: EsmEncoder {
                layer: (0..config.num_hidden_layers).map(|_| EsmLayer::new(config, device)).collect(),
                emb_layer_norm_after: LayerNorm::new(d, config.layer_norm_eps, device),
            },
            pooler: pooler.then(|| EsmPooler { dense: dense() }),
            contact_head: EsmContactPredictionHead::new(config, device),
        }
    }

    fn encode(
        &self,
        config: &EsmConfig,
        inputs: &ModelInputs,
        mut trace: Trace,
    ) -> Result<Tensor<3>, ModelError> {
        no_token_types(inputs, "esm")?;
        let ids = required("input_ids", &inputs.input_ids)?;
        let mut x = self.embeddings.forward(config, inputs, &ids)?;
        let rotation = rotation(config, self.rotary_embeddings.as_ref(), inputs.positions(&ids))?;
        let bias = mask::of_encoder(inputs.attention_mask.as_ref(), config.is_decoder, &x);
        for layer in &self.encoder.layer {
            trace.push(&x);
            let (bias, rotation) = (bias.clone(), rotation.clone());
            x = checkpointed(layer, x, [], move |layer, x, []| {
                layer.forward(x, bias.clone(), rotation.as_ref())
            });
        }
        let x = self.encoder.emb_layer_norm_after.forward(x);
        trace.push(&x);
        self.contact_head.pass(&x);
        Ok(x)
    }

    fn word_embeddings(&self) -> Option<&Embedding> {
        Some(&self.embeddings.word_embeddings)
    }

    fn pool(&self, x: Tensor<3>) -> Tensor<3> {
        let first = x.narrow(1, 0, 1);
        match &self.pooler {
            Some(pooler) => pooler.dense.ia3_forward(first).tanh(),
            None => first,
        }
    }
}
