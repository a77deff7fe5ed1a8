use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::config::GPTNeoConfig;
use crate::attention::{attend_cached, split_heads};
use crate::cache::KvCache;
use crate::layers::{dropout, dropped, linear};

/// Multi-head causal attention without a scale: `softmax(q·kᵀ + mask)·v`.
#[derive(Module, Debug)]
pub struct GPTNeoSelfAttention {
    /// The projection to keys, `[d, d]`.
    pub k_proj: Linear,
    /// The projection to values, `[d, d]`; an (IA)³ target.
    pub v_proj: Linear,
    /// The projection to queries, `[d, d]`; a target in PEFT's defaults.
    pub q_proj: Linear,
    /// The projection of the output, `[d, d]`.
    pub out_proj: Linear,
    /// The dropout on the attention weights.
    pub attn_dropout: Dropout,
    /// The dropout on the output.
    pub resid_dropout: Dropout,
    #[module(skip)]
    heads: usize,
}

/// The attention of a block, under the name that it has in checkpoints.
#[derive(Module, Debug)]
pub struct GPTNeoAttention {
    /// The attention.
    pub attention: GPTNeoSelfAttention,
}

impl GPTNeoSelfAttention {
    pub(crate) fn new(config: &GPTNeoConfig, device: &Device) -> Self {
        let (d, std) = (config.hidden_size, config.initializer_range);
        let project = || linear(d, d, false, std, device);
        Self {
            k_proj: project(),
            v_proj: project(),
            q_proj: project(),
            out_proj: linear(d, d, true, std, device),
            attn_dropout: dropout(config.attention_dropout),
            resid_dropout: dropout(config.resid_dropout),
            heads: config.num_heads,
        }
    }

    /// Computes the layer for `x` of shape `[batch, seq, d]`. The result has the same shape.
    pub(crate) fn forward(&self, x: Tensor<3>, bias: Tensor<4>, cache: Option<&mut KvCache>) -> Tensor<3> {
        let heads = [&self.q_proj, &self.k_proj, &self.v_proj]
            .map(|project| split_heads(project.ia3_forward(x.clone()), self.heads));
        let context = attend_cached(heads, bias, 1.0, &self.attn_dropout, cache);
        dropped(&self.resid_dropout, self.out_proj.ia3_forward(context))
    }
}
