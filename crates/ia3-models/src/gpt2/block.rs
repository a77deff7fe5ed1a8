use burn::module::Module;
use burn::nn::Dropout;
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::attention::GPT2Attention;
use super::config::GPT2Config;
use super::conv1d::Conv1D;
use crate::activation::Activation;
use crate::cache::KvCache;
use crate::layers::dropout;
use crate::norm::LayerNorm;

/// The feed-forward layer: `c_proj(act(c_fc(x)))`.
#[derive(Module, Debug)]
pub struct GPT2MLP {
    /// The first matrix, `[d, d_inner]`.
    pub c_fc: Conv1D,
    /// The second matrix, `[d_inner, d]`; an (IA)³ target whose input is scaled.
    pub c_proj: Conv1D,
    /// The dropout on the output.
    pub dropout: Dropout,
    #[module(skip)]
    activation: Activation,
}

impl GPT2MLP {
    fn new(config: &GPT2Config, device: &Device) -> Self {
        let (d, inner, std) = (config.n_embd, config.d_inner(), config.initializer_range);
        Self {
            c_fc: Conv1D::new(d, inner, std, device),
            c_proj: Conv1D::new(inner, d, std / (2.0 * config.n_layer as f64).sqrt(), device),
            dropout: dropout(config.resid_pdrop),
            activation: config.activation_function,
        }
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let h = self.activation.forward(self.c_fc.ia3_forward(x));
        self.dropout.forward(self.c_proj.ia3_forward(h))
    }
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
            mlp: GPT2MLP::new(config, device),
        }
    }

    pub(crate) fn forward(&self, x: Tensor<3>, bias: Tensor<4>, cache: Option<&mut KvCache>) -> Tensor<3> {
        let x = x.clone() + self.attn.forward(self.ln_1.forward(x), bias, cache);
        x.clone() + self.mlp.forward(self.ln_2.forward(x))
    }
}
