use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};

use super::attention::{GPTNeoAttention, GPTNeoSelfAttention};
use super::config::GPTNeoConfig;
use crate::cache::KvCache;
use crate::feed_forward::feed_forward;
use crate::layers::linear;
use crate::norm::LayerNorm;

feed_forward!(
    /// The feed-forward layer: `c_proj(act(c_fc(x)))`.
    GPTNeoMLP { c_fc, c_proj }: Linear
);

/// A block: `x + attn(ln_1(x))`, then `x + mlp(ln_2(x))`.
#[derive(Module, Debug)]
pub struct GPTNeoBlock {
    /// The norm before the attention.
    pub ln_1: LayerNorm,
    /// The attention.
    pub attn: GPTNeoAttention,
    /// The norm before the feed-forward layer.
    pub ln_2: LayerNorm,
    /// The feed-forward layer.
    pub mlp: GPTNeoMLP,
}

impl GPTNeoBlock {
    pub(crate) fn new(config: &GPTNeoConfig, device: &Device) -> Self {
        let (d, inner, std) = (config.hidden_size, config.d_inner(), config.initializer_range);
        let norm = || LayerNorm::new(d, config.layer_norm_epsilon, device);
        let layers = [[d, inner], [inner, d]].map(|[d_in, d_out]| linear(d_in, d_out, true, std, device));
        Self {
            ln_1: norm(),
            attn: GPTNeoAttention { attention: GPTNeoSelfAttention::new(config, device) },
            ln_2: norm(),
            mlp: GPTNeoMLP::new(layers, config.activation_function, config.resid_dropout),
        }
    }

    pub(crate) fn forward(&self, x: Tensor<3>, bias: Tensor<4>, cache: Option<&mut KvCache>) -> Tensor<3> {
        let x = x.clone() + self.attn.attention.forward(self.ln_1.forward(x), bias, cache);
        x.clone() + self.mlp.forward(self.ln_2.forward(x))
    }
}
