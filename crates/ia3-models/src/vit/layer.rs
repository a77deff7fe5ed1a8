use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};

use super::attention::ViTAttention;
use super::config::ViTConfig;
use crate::feed_forward::feed_forward;
use crate::layers::{dropout, dropped, linear};
use crate::norm::LayerNorm;

feed_forward! {
    /// The feed-forward layer of ViT and CLIP: `fc2(act(fc1(x)))`.
    ViTMlp { fc1, fc2 }: Linear
}

/// A block: the attention and the feed-forward layer, each with its residual and after a norm.
#[derive(Module, Debug)]
pub struct ViTLayer {
    /// The attention.
    pub attention: ViTAttention,
    /// The norm before the attention.
    pub layernorm_before: LayerNorm,
    /// The norm before the feed-forward layer.
    pub layernorm_after: LayerNorm,
    /// The feed-forward layer.
    pub mlp: ViTMlp,
    /// The dropout on the output of the attention.
    pub dropout: Dropout,
}

impl ViTLayer {
    pub(super) fn new(config: &ViTConfig, device: &Device) -> Self {
        let (d, inner) = (config.hidden_size, config.intermediate_size);
        let matrix = |d_in, d_out| linear(d_in, d_out, true, config.initializer_range, device);
        let norm = || LayerNorm::new(d, config.layer_norm_eps, device);
        let matrices = [matrix(d, inner), matrix(inner, d)];
        Self {
            attention: ViTAttention::new(config, device),
            layernorm_before: norm(),
            layernorm_after: norm(),
            mlp: ViTMlp::new(matrices, config.hidden_act, config.hidden_dropout_prob),
            dropout: dropout(config.hidden_dropout_prob),
        }
    }

    /// Computes the layer for `x` of shape `[batch, seq, d]`. The result has the same shape.
    pub(super) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let context = self.attention.forward(self.layernorm_before.forward(x.clone()));
        let x = dropped(&self.dropout, context) + x;
        self.mlp.forward(self.layernorm_after.forward(x.clone())) + x
    }
}
