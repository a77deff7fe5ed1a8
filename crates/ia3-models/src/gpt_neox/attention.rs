use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::config::GPTNeoXConfig;
use crate::attention::attend_cached;
use crate::cache::KvCache;
use crate::fused_heads::FusedHeads;
use crate::layers::{dropout, linear};
use crate::rotary::Rotation;

/// Causal attention whose heads are rotated in part. One projection computes queries, keys and values, one head after the other.
#[derive(Module, Debug)]
pub struct GPTNeoXAttention {
    /// The projection, `[d, 3·d]`; an (IA)³ target. The paper scales only its keys and values.
    pub query_key_value: Linear,
    /// The projection of the output, `[d, d]`.
    pub dense: Linear,
    /// The dropout on the attention weights.
    pub attention_dropout: Dropout,
    #[module(skip)]
    heads: FusedHeads,
}

impl GPTNeoXAttention {
    pub(crate) fn new(config: &GPTNeoXConfig, device: &Device) -> Self {
        let linear = |d_out| {
            linear(config.hidden_size, d_out, config.attention_bias, config.initializer_range, device)
        };
        Self {
            query_key_value: linear(3 * config.hidden_size),
            dense: linear(config.hidden_size),
            attention_dropout: dropout(config.attention_dropout),
            heads: config.fused_heads(),
        }
    }

    /// Computes the layer for `x` of shape `[batch, seq, d]`. The result has the same shape.
    pub(crate) fn forward(
        &self,
        x: Tensor<3>,
        rotation: &Rotation,
        bias: Tensor<4>,
        cache: Option<&mut KvCache>,
    ) -> Tensor<3> {
        let [q, k, v] = self.heads.split(self.query_key_value.ia3_forward(x));
        let heads = [rotation.apply(q), rotation.apply(k), v];
        let scaling = (self.heads.d_head as f64).powf(-0.5);
        self.dense.ia3_forward(attend_cached(heads, bias, scaling, &self.attention_dropout, cache))
    }
}
