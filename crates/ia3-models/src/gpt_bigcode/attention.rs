use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::config::GPTBigCodeConfig;
use crate::attention::attend_cached;
use crate::cache::KvCache;
use crate::fused_heads::FusedHeads;
use crate::layers::{dropout, dropped, linear};

/// Causal attention whose queries share one head of keys and values, unless `multi_query` is `false`.
#[derive(Module, Debug)]
pub struct GPTBigCodeAttention {
    /// The projection to queries, keys and values, `[d, d + 2·d_head]` or `[d, 3·d]`; an (IA)³ target. The paper scales only its
    /// keys and values.
    pub c_attn: Linear,
    /// The projection of the output, `[d, d]`.
    pub c_proj: Linear,
    /// The dropout on the attention weights.
    pub attn_dropout: Dropout,
    /// The dropout on the output.
    pub resid_dropout: Dropout,
    #[module(skip)]
    heads: FusedHeads,
    #[module(skip)]
    scaling: f64,
}

impl GPTBigCodeAttention {
    pub(crate) fn new(config: &GPTBigCodeConfig, device: &Device) -> Self {
        let (d, std, heads) = (config.n_embd, config.initializer_range, config.fused_heads());
        Self {
            c_attn: linear(d, heads.width(), true, std, device),
            c_proj: linear(d, d, true, config.output_std(), device),
            attn_dropout: dropout(config.attn_pdrop),
            resid_dropout: dropout(config.resid_pdrop),
            heads,
            scaling: if config.scale_attn_weights { (heads.d_head as f64).powf(-0.5) } else { 1.0 },
        }
    }

    /// Computes the layer for `x` of shape `[batch, seq, d]`. The result has the same shape.
    pub(crate) fn forward(&self, x: Tensor<3>, bias: Tensor<4>, cache: Option<&mut KvCache>) -> Tensor<3> {
        let heads = self.heads.split(self.c_attn.ia3_forward(x));
        let context = attend_cached(heads, bias, self.scaling, &self.attn_dropout, cache);
        dropped(&self.resid_dropout, self.c_proj.ia3_forward(context))
    }
}
