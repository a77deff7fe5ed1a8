use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::attention::GPT2Attention;
use super::config::GPT2Config;
use super::conv1d::Conv1D;
use crate::cache::KvCache;
use crate::feed_forward::feed_forward;
use crate::norm::LayerNorm;

feed_forward!(
    /// The feed-forward layer: `c_proj(act(c_fc(x)))`.
    GPT2MLP { c_fc, c_proj }: Conv1D
);

fn mlp(config: &GPT2Config, device: &Device) -> GPT2MLP {
    let (d, inner, std) = (config.n_embd, config.d_inner(), config.initializer_range);
    let layers = [
        Conv1D::new(d, inner, std, device),
        Conv1D::new(inner, d, std / (2.0 * config.n_layer as f64).sqrt(), device),
    ];
    GPT2MLP::new(layers, config.activation_function, config.resid_pdrop)
}

/// A block: `x + attn(ln_1(x))`, then `x + mlp(ln_2(x))`.
#[derive(Module, Debug)]
pub struct GPT2Block {
    /// The norm before the attention.
    pub ln_1: LayerNorm,
    /// The attention.
    pub attn: GPT2Attention,
    /// The norm before the feed-forward layer.
    pub ln_2: LayerNorm,
    /// The feed-forward layer.
    pub mlp: GPT2MLP,
}

impl GPT2Block {
    pub(crate) fn new(config: &GPT2Config, index: usize, device: &Device) -> Self {
        let norm = || LayerNorm::new(config.n_embd, config.layer_norm_epsilon, device);
        Self {
            ln_1: norm(),
            attn: GPT2Attention::new(config, index, device),
            ln_2: norm(),
            mlp: mlp(config, device),
        }
    }

    pub(crate) fn forward(&self, x: Tensor<3>, bias: Tensor<4>, cache: Option<&mut KvCache>) -> Tensor<3> {
        let x = x.clone() + self.attn.forward(self.ln_1.forward(x), bias, cache);
        x.clone() + self.mlp.forward(self.ln_2.forward(x))
    }
}
