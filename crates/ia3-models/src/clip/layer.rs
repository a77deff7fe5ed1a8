use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::attention::ClipAttention;
use super::config::ClipConfig;
use crate::layers::linear;
use crate::norm::LayerNorm;
use crate::vit::ViTMlp;

/// A block: the attention and the feed-forward layer, each with its residual and after a norm.
#[derive(Module, Debug)]
pub struct ClipEncoderLayer {
    /// The attention.
    pub self_attn: ClipAttention,
    /// The norm before the attention.
    pub layer_norm1: LayerNorm,
    /// The feed-forward layer.
    pub mlp: ViTMlp,
    /// The norm before the feed-forward layer.
    pub layer_norm2: LayerNorm,
}

impl ClipEncoderLayer {
    pub(super) fn new(config: &ClipConfig, device: &Device) -> Self {
        let (d, inner) = (config.hidden_size, config.intermediate_size);
        let matrix = |d_in, d_out| linear(d_in, d_out, true, config.initializer_range, device);
        let norm = || LayerNorm::new(d, config.layer_norm_eps, device);
        Self {
            self_attn: ClipAttention::new(config, device),
            layer_norm1: norm(),
            mlp: ViTMlp::new([matrix(d, inner), matrix(inner, d)], config.hidden_act, 0.0),
            layer_norm2: norm(),
        }
    }

    /// Computes the layer for `x` of shape `[batch, seq, d]`. The result has the same shape.
    pub(super) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let x = self.self_attn.forward(self.layer_norm1.forward(x.clone())) + x;
        self.mlp.forward(self.layer_norm2.forward(x.clone())) + x
    }
}
