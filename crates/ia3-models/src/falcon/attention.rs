use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::config::FalconConfig;
use crate::attention::{attend, merge_heads};
use crate::cache::KvCache;
use crate::layers::{dropout, linear};
use crate::rotary::Rotation;

/// Causal attention with queries, keys and values from one projection.
///
/// Its outputs are groups of query heads, each followed by the one head of keys and the one of values that they share:
/// one group in all (multi-query), several (40B, 11B), or one for every query (RW-1B).
#[derive(Module, Debug)]
pub struct FalconAttention {
    /// `[d, (heads + 2·kv_heads)·d_head]`; an (IA)³ target, of which the paper would scale keys and values only.
    pub query_key_value: Linear,
    /// Output, `[d, d]`.
    pub dense: Linear,
    /// Dropout on the attention weights.
    pub attention_dropout: Dropout,
    #[module(skip)]
    kv_heads: usize,
    #[module(skip)]
    per_group: usize,
}

/// What all blocks share of a batch.
pub(crate) struct Positions {
    /// Rotary embeddings, without alibi.
    pub(crate) rotation: Option<Rotation>,
    /// Causal and padding mask, and alibi where the model has it.
    pub(crate) bias: Tensor<4>,
}

impl FalconAttention {
    pub(crate) fn new(config: &FalconConfig, device: &Device) -> Self {
        let (d, std) = (config.hidden_size, config.initializer_range);
        let heads = config.num_attention_heads + 2 * config.kv_heads();
        Self {
            query_key_value: linear(d, heads * config.head_dim(), config.bias, std, device),
            dense: linear(d, d, config.bias, std, device),
            attention_dropout: dropout(config.attention_dropout),
            kv_heads: config.kv_heads(),
            per_group: config.num_attention_heads / config.kv_heads(),
        }
    }

    /// `x` `[batch, seq, d]` to the same shape.
    pub(crate) fn forward(
        &self,
        x: Tensor<3>,
        positions: &Positions,
        cache: Option<&mut KvCache>,
    ) -> Tensor<3> {
        let [q, k, v] = self.split(self.query_key_value.ia3_forward(x));
        let rotate = |x| match &positions.rotation {
            Some(rotation) => rotation.apply(x),
            None => x,
        };
        let (q, k) = (rotate(q), rotate(k));
        let [k, v] = match cache {
            Some(cache) => cache.append(k, v),
            None => [k, v],
        };
        let scaling = (q.dims()[3] as f64).powf(-0.5);
        let context = attend(q, k, v, Some(positions.bias.clone()), scaling, &self.attention_dropout);
        self.dense.ia3_forward(merge_heads(context))
    }

    /// Queries `[batch, heads, seq, d_head]`, keys and values `[batch, kv_heads, seq, d_head]`.
    fn split(&self, fused: Tensor<3>) -> [Tensor<4>; 3] {
        let [batch, seq, width] = fused.dims();
        let heads = self.per_group + 2;
        let d_head = width / (self.kv_heads * heads);
        let fused = fused.reshape([batch, seq, self.kv_heads, heads, d_head]);
        let parts = [(0, self.per_group), (self.per_group, 1), (self.per_group + 1, 1)];
        parts.map(|(start, count)| {
            let part = fused.clone().narrow(3, start, count);
            part.reshape([batch, seq, self.kv_heads * count, d_head]).swap_dims(1, 2)
        })
    }
}
