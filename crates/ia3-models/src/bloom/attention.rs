use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::config::BloomConfig;
use crate::attention::attend_cached;
use crate::cache::KvCache;
use crate::fused_heads::FusedHeads;
use crate::layers::{dropout, dropped, linear};

/// Multi-head causal attention. One projection computes queries, keys and values, one head after the other.
#[derive(Module, Debug)]
pub struct BloomAttention {
    /// The projection, `[d, 3·d]`; an (IA)³ target. The paper scales only its keys and values.
    pub query_key_value: Linear,
    /// The projection of the output, `[d, d]`.
    pub dense: Linear,
    /// The dropout on the attention weights.
    pub attention_dropout: Dropout,
    /// The dropout on the output.
    pub hidden_dropout: Dropout,
    #[module(skip)]
    heads: FusedHeads,
}

impl BloomAttention {
    pub(crate) fn new(config: &BloomConfig, device: &Device) -> Self {
        let (d, std) = (config.hidden_size, config.initializer_range);
        Self {
            query_key_value: linear(d, 3 * d, true, std, device),
            dense: linear(d, d, true, std, device),
            attention_dropout: dropout(config.attention_dropout),
            hidden_dropout: dropout(config.hidden_dropout),
            heads: config.fused_heads(),
        }
    }

    /// Computes the layer for `x` of shape `[batch, seq, d]`. The result has the same shape.
    pub(crate) fn forward(&self, x: Tensor<3>, bias: Tensor<4>, cache: Option<&mut KvCache>) -> Tensor<3> {
        let heads = self.heads.split(self.query_key_value.ia3_forward(x));
        let scaling = (self.heads.d_head as f64).powf(-0.5);
        let context = attend_cached(heads, bias, scaling, &self.attention_dropout, cache);
        dropped(&self.hidden_dropout, self.dense.ia3_forward(context))
    }
}
