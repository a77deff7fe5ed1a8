use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};

use super::attention::GPTBigCodeAttention;
use super::config::GPTBigCodeConfig;
use crate::cache::KvCache;
use crate::feed_forward::feed_forward;
use crate::layers::linear;
use crate::norm::LayerNorm;

feed_forward!(
    /// The feed-forward layer: `c_proj(act(c_fc(x)))`.
    GPTBigCodeMLP { c_fc, c_proj }: Linear
);

/// A block: `x + attn(ln_1(x))`, then `x + mlp(ln_2(x))`.
#[derive(Module, Debug)]
pub struct GPTBigCodeBlock {
    /// The norm before the attention.
    pub ln_1: LayerNorm,
    /// The attention.
    pub attn: GPTBigCodeAttention,
    /// The norm before the feed-forward layer.
    pub ln_2: LayerNorm,
    /// The feed-forward layer.
    pub mlp: GPTBigCodeMLP,
}

impl GPTBigCodeBlock {
    pub(crate) fn new(config: &GPTBigCodeConfig, device: &Device) -> Self {
        let (d, inner) = (config.n_embd, config.d_inner());
        let norm = || LayerNorm::new(d, config.layer_norm_epsilon, device);
        let layers = [
            linear(d, inner, true, config.initializer_range, device),
            linear(inner, d, true, config.output_std(), device),
        ];
        Self {
            ln_1: norm(),
            attn: GPTBigCodeAttention::new(config, device),
            ln_2: norm(),
            mlp: GPTBigCodeMLP::new(layers, config.activation_function, config.resid_pdrop),
        }
    }

    pub(crate) fn forward(&self, x: Tensor<3>, bias: Tensor<4>, cache: Option<&mut KvCache>) -> Tensor<3> {
        let x = x.clone() + self.attn.forward(self.ln_1.forward(x), bias, cache);
        x.clone() + self.mlp.forward(self.ln_2.forward(x))
    }
}
