use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::config::Phi3Config;
use crate::attention::attend_cached;
use crate::cache::KvCache;
use crate::fused_heads::FusedHeads;
use crate::layers::{dropout, linear};
use crate::rotary::Rotation;

/// Causal attention with rotary positions. A group of consecutive query heads shares one head of keys and values.
#[derive(Module, Debug)]
pub struct Phi3Attention {
    /// The projection to queries, keys and values, `[d, (heads + 2·kv_heads)·d_head]`; an (IA)³ target. The paper scales only its
    /// keys and values.
    pub qkv_proj: Linear,
    /// The projection of the output, `[heads·d_head, d]`.
    pub o_proj: Linear,
    /// The dropout on the attention weights.
    pub attention_dropout: Dropout,
    #[module(skip)]
    heads: FusedHeads,
}

impl Phi3Attention {
    pub(crate) fn new(config: &Phi3Config, device: &Device) -> Self {
        let (d, std, heads) = (config.hidden_size, config.initializer_range, config.fused_heads());
        Self {
            qkv_proj: linear(d, heads.width(), false, std, device),
            o_proj: linear(config.num_attention_heads * heads.d_head, d, false, std, device),
            attention_dropout: dropout(config.attention_dropout),
            heads,
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
        let [q, k, v] = self.heads.split(self.qkv_proj.ia3_forward(x));
        let heads = [rotation.apply(q), rotation.apply(k), v];
        let scaling = (self.heads.d_head as f64).powf(-0.5);
        self.o_proj.ia3_forward(attend_cached(heads, bias, scaling, &self.attention_dropout, cache))
    }
}
