#![allow(non_snake_case)] // Fields are named as Hugging Face names them.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::attention::EsmAttention;
use super::config::EsmConfig;
use super::output::EsmOutput;
use crate::activation::Activation;
use crate::bert::BertIntermediate;
use crate::norm::LayerNorm;
use crate::rotary::Rotation;

/// A block: the attention and the feed-forward layer, each with its residual and after a norm.
#[derive(Module, Debug)]
pub struct EsmLayer {
    /// The attention.
    pub attention: EsmAttention,
    /// The first half of the feed-forward layer.
    pub intermediate: BertIntermediate,
    /// The second half of the feed-forward layer.
    pub output: EsmOutput,
    /// The norm before the feed-forward layer.
    pub LayerNorm: LayerNorm,
}

impl EsmLayer {
    pub(super) fn new(config: &EsmConfig, device: &Device) -> Self {
        let (d, inner) = (config.hidden_size, config.intermediate_size);
        Self {
            attention: EsmAttention::new(config, device),
            intermediate: BertIntermediate::new(
                [d, inner],
                Activation::Gelu,
                config.initializer_range,
                device,
            ),
            output: EsmOutput::new(inner, config, device),
            LayerNorm: LayerNorm::new(d, config.layer_norm_eps, device),
        }
    }

    /// Computes the layer for `x` of shape `[batch, seq, d]`. The result has the same shape.
    pub(super) fn forward(
        &self,
        x: Tensor<3>,
        bias: Option<Tensor<4>>,
        rotation: Option<&Rotation>,
    ) -> Tensor<3> {
        let x = self.attention.forward(x, bias, rotation);
        self.output.forward(self.intermediate.forward(self.LayerNorm.forward(x.clone())), x)
    }
}
