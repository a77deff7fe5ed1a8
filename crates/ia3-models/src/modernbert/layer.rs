use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::attention::ModernBertAttention;
use super::config::ModernBertConfig;
use super::mlp::ModernBertMLP;
use super::sight::Sight;
use crate::norm::LayerNorm;
use crate::rotary::Rotation;

/// A block: the attention and the feed-forward layer, each with its residual and after a norm.
#[derive(Module, Debug)]
pub struct ModernBertEncoderLayer {
    /// The norm before the attention, which the first block does not have.
    pub attn_norm: Option<LayerNorm>,
    /// The attention.
    pub attn: ModernBertAttention,
    /// The norm before the feed-forward layer.
    pub mlp_norm: LayerNorm,
    /// The feed-forward layer.
    pub mlp: ModernBertMLP,
}

impl ModernBertEncoderLayer {
    pub(super) fn new(index: usize, config: &ModernBertConfig, device: &Device) -> Self {
        Self {
            attn_norm: (index > 0).then(|| config.norm(device)),
            attn: ModernBertAttention::new(config, device),
            mlp_norm: config.norm(device),
            mlp: ModernBertMLP::new(config, device),
        }
    }

    /// Computes the block for `x` of shape `[batch, seq, d]`. The result has the same shape.
    pub(super) fn forward(&self, x: Tensor<3>, sight: Sight, rotation: &Rotation) -> Tensor<3> {
        let normed = match &self.attn_norm {
            Some(norm) => norm.forward(x.clone()),
            None => x.clone(),
        };
        let x = x + self.attn.forward(normed, sight, rotation);
        x.clone() + self.mlp.forward(self.mlp_norm.forward(x))
    }
}
