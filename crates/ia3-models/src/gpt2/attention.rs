use burn::module::Module;
use burn::nn::Dropout;
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::config::GPT2Config;
use super::conv1d::Conv1D;
use crate::attention::attend_cached;
use crate::cache::KvCache;
use crate::fused_heads::FusedHeads;
use crate::layers::{dropout, dropped};

/// Multi-head causal attention: `c_proj(softmax(q·kᵀ/√d_head + mask)·v)`. One projection computes `q`, `k` and `v`.
#[derive(Module, Debug)]
pub struct GPT2Attention {
    /// The projection to queries, keys and values, `[d, 3·d]`; an (IA)³ target. The paper scales only its keys and values.
    pub c_attn: Conv1D,
    /// The projection of the output, `[d, d]`.
    pub c_proj: Conv1D,
    /// The dropout on the attention weights.
    pub attn_dropout: Dropout,
    /// The dropout on the output.
    pub resid_dropout: Dropout,
    #[module(skip)]
    heads: FusedHeads,
    #[module(skip)]
    scaling: f64,
}

impl GPT2Attention {
    pub(crate) fn new(config: &GPT2Config, index: usize, device: &Device) -> Self {
        let (d, std) = (config.n_embd, config.initializer_range);
        let by_head = if config.scale_attn_weights { ((d / config.n_head) as f64).powf(-0.5) } else { 1.0 };
        let by_layer = if config.scale_attn_by_inverse_layer_idx { 1.0 / (index + 1) as f64 } else { 1.0 };
        Self {
            c_attn: Conv1D::new(d, 3 * d, std, device),
            c_proj: Conv1D::new(d, d, std / (2.0 * config.n_layer as f64).sqrt(), device),
            attn_dropout: dropout(config.attn_pdrop),
            resid_dropout: dropout(config.resid_pdrop),
            heads: config.fused_heads(),
            scaling: by_head * by_layer,
        }
    }

    /// Computes the layer for `x` of shape `[batch, seq, d]`. The result has the same shape.
    pub(crate) fn forward(&self, x: Tensor<3>, bias: Tensor<4>, cache: Option<&mut KvCache>) -> Tensor<3> {
        let heads = self.heads.split(self.c_attn.ia3_forward(x));
        let context = attend_cached(heads, bias, self.scaling, &self.attn_dropout, cache);
        dropped(&self.resid_dropout, self.c_proj.ia3_forward(context))
    }
}
