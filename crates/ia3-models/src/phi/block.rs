use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};

use super::attention::PhiAttention;
use super::config::PhiConfig;
use crate::cache::KvCache;
use crate::feed_forward::feed_forward;
use crate::layers::{dropout, dropped, linear};
use crate::norm::LayerNorm;
use crate::rotary::Rotation;

feed_forward!(
    /// The feed-forward layer: `fc2(act(fc1(x)))`.
    PhiMLP { fc1, fc2 }: Linear
);

/// A block: `x + self_attn(h) + mlp(h)` with `h = input_layernorm(x)`.
#[derive(Module, Debug)]
pub struct PhiDecoderLayer {
    /// The attention.
    pub self_attn: PhiAttention,
    /// The feed-forward layer.
    pub mlp: PhiMLP,
    /// The norm before both layers.
    pub input_layernorm: LayerNorm,
    /// The dropout on the output of the attention.
    pub resid_dropout: Dropout,
}

impl PhiDecoderLayer {
    pub(crate) fn new(config: &PhiConfig, device: &Device) -> Self {
        let (d, inner, std) = (config.hidden_size, config.intermediate_size, config.initializer_range);
        let layers = [[d, inner], [inner, d]].map(|[d_in, d_out]| linear(d_in, d_out, true, std, device));
        Self {
            self_attn: PhiAttention::new(config, device),
            mlp: PhiMLP::new(layers, config.hidden_act, config.resid_pdrop),
            input_layernorm: LayerNorm::new(d, config.layer_norm_eps, device),
            resid_dropout: dropout(config.resid_pdrop),
        }
    }

    pub(crate) fn forward(
        &self,
        x: Tensor<3>,
        rotation: &Rotation,
        bias: Tensor<4>,
        cache: Option<&mut KvCache>,
    ) -> Tensor<3> {
        let h = self.input_layernorm.forward(x.clone());
        let attended = self.self_attn.forward(h.clone(), rotation, bias, cache);
        x + dropped(&self.resid_dropout, attended) + self.mlp.forward(h)
    }
}
