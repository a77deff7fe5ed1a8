use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::config::FalconConfig;
use crate::attention::attend_cached;
use crate::cache::KvCache;
use crate::fused_heads::FusedHeads;
use crate::layers::{dropout, linear};
use crate::rotary::Rotation;

/// Causal attention that computes queries, keys and values with one projection.
///
/// The outputs of the projection are groups. A group holds some heads of queries, then the head of keys and the head of values
/// that they share. There is one group (multi-query), several groups (40B, 11B), or one group for every query head (RW-1B).
#[derive(Module, Debug)]
pub struct FalconAttention {
    /// The projection, `[d, (heads + 2·kv_heads)·d_head]`; an (IA)³ target. The paper scales only its keys and values.
    pub query_key_value: Linear,
    /// The projection of the output, `[d, d]`.
    pub dense: Linear,
    /// The dropout on the attention weights.
    pub attention_dropout: Dropout,
    #[module(skip)]
    heads: FusedHeads,
}

/// The positions of a batch, which all blocks share.
#[derive(Clone)]
pub(crate) struct Positions {
    /// The rotary embeddings, if the model does not use ALiBi.
    pub(crate) rotation: Option<Rotation>,
    /// The causal mask and the padding mask, plus the biases of ALiBi if the model uses it.
    pub(crate) bias: Tensor<4>,
}

impl FalconAttention {
    pub(crate) fn new(config: &FalconConfig, device: &Device) -> Self {
        let (d, std) = (config.hidden_size, config.initializer_range);
        let heads = config.fused_heads();
        Self {
            query_key_value: linear(d, heads.width(), config.bias, std, device),
            dense: linear(d, d, config.bias, std, device),
            attention_dropout: dropout(config.attention_dropout),
            heads,
        }
    }

    /// Computes the layer for `x` of shape `[batch, seq, d]`. The result has the same shape.
    pub(crate) fn forward(
        &self,
        x: Tensor<3>,
        positions: &Positions,
        cache: Option<&mut KvCache>,
    ) -> Tensor<3> {
        let [q, k, v] = self.heads.split(self.query_key_value.ia3_forward(x));
        let rotate = |x| match &positions.rotation {
            Some(rotation) => rotation.apply(x),
            None => x,
        };
        let scaling = (self.heads.d_head as f64).powf(-0.5);
        let (heads, bias) = ([rotate(q), rotate(k), v], positions.bias.clone());
        self.dense.ia3_forward(attend_cached(heads, bias, scaling, &self.attention_dropout, cache))
    }
}
