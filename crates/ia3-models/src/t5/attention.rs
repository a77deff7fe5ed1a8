use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Embedding, EmbeddingConfig, Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor};
use ia3_core::Ia3Forward;

use super::config::T5Config;
use super::init::normal;
use super::position::buckets;
use crate::attention::{attend_across, attend_cached, split_heads};
use crate::cache::KvCache;
use crate::decoder_memory::{Cross, KeysValues};
use crate::past::Past;

/// Multi-head attention with a learned bias by relative position. The scores are not scaled.
///
/// It computes `softmax(q·kᵀ + B)·v` and multiplies the result with `o`. Only the first block of a stack holds the bias `B`,
/// which all blocks of the stack share.
#[derive(Module, Debug)]
pub struct T5Attention {
    /// The projection to queries, `[d_model, heads·d_kv]`, no bias.
    pub q: Linear,
    /// The projection to keys, `[d_model, heads·d_kv]`, no bias; an (IA)³ target.
    pub k: Linear,
    /// The projection to values, `[d_model, heads·d_kv]`, no bias; an (IA)³ target.
    pub v: Linear,
    /// The projection of the output, `[heads·d_kv, d_model]`, no bias.
    pub o: Linear,
    /// The bias of each bucket of relative positions, `[buckets, heads]`. Only the first block of a stack has it.
    pub relative_attention_bias: Option<Embedding>,
    /// The dropout on the attention weights.
    pub dropout: Dropout,
    #[module(skip)]
    heads: usize,
    #[module(skip)]
    max_distance: usize,
}

impl T5Attention {
    pub(crate) fn new(config: &T5Config, owns_bias: bool, device: &Device) -> Self {
        let (d, inner) = (config.d_model, config.d_attention());
        let linear = |d_in, d_out, std: f64| {
            let initializer = normal(config, std);
            LinearConfig::new(d_in, d_out).with_bias(false).with_initializer(initializer).init(device)
        };
        let (d_f, inner_f) = (d as f64, inner as f64);
        let bias = EmbeddingConfig::new(config.relative_attention_num_buckets, config.num_heads)
            .with_initializer(normal(config, d_f.powf(-0.5)));
        Self {
            q: linear(d, inner, (d_f * config.d_kv as f64).powf(-0.5)),
            k: linear(d, inner, d_f.powf(-0.5)),
            v: linear(d, inner, d_f.powf(-0.5)),
            o: linear(inner, d, inner_f.powf(-0.5)),
            relative_attention_bias: owns_bias.then(|| bias.init(device)),
            dropout: DropoutConfig::new(config.dropout_rate).init(),
            heads: config.num_heads,
            max_distance: config.relative_attention_max_distance,
        }
    }

    /// Computes the keys and values of `x` `[batch, seq, d_model]`.
    pub(crate) fn keys_values(&self, x: Tensor<3>) -> KeysValues {
        let k = split_heads(self.k.ia3_forward(x.clone()), self.heads);
        let v = split_heads(self.v.ia3_forward(x), self.heads);
        [k, v]
    }

    /// Computes the attention of `x` `[batch, seq, d_model]` to itself, and to the tokens in the cache if there is one. The result
    /// has the shape of `x`.
    pub(crate) fn within(&self, x: Tensor<3>, bias: Tensor<4>, cache: Option<&mut KvCache>) -> Tensor<3> {
        let [k, v] = self.keys_values(x.clone());
        let q = split_heads(self.q.ia3_forward(x), self.heads);
        self.o.ia3_forward(attend_cached([q, k, v], bias, 1.0, &self.dropout, cache))
    }

    /// Computes the attention of `x` `[batch, queries, d_model]` to the encoder's output. The result has the shape of `x`.
    pub(crate) fn across(&self, x: Tensor<3>, cross: Cross) -> Tensor<3> {
        let q = split_heads(self.q.ia3_forward(x), self.heads);
        self.o.ia3_forward(attend_across(q, cross, 1.0, &self.dropout))
    }

    /// The position bias `[1, heads, queries, keys]` of `queries` tokens behind `past`, or `[rows, heads, 1, keys]` where each row is a
    /// token at its own position. It is absent if the layer has no bias of its own.
    ///
    /// With `bidirectional`, as in the encoder, keys after a query have other buckets than keys before it.
    pub(crate) fn position_bias(
        &self,
        queries: usize,
        past: &Past,
        bidirectional: bool,
        device: &Device,
    ) -> Option<Tensor<4>> {
        let table = self.relative_attention_bias.as_ref()?;
        let [num_buckets, heads] = table.weight.shape().dims();
        let (at, keys) = (past.positions(queries), past.keys(queries));
        let ids = buckets(&at, keys, bidirectional, num_buckets, self.max_distance);
        let ids = Tensor::<1, Int>::from_ints(ids.as_slice(), device).reshape([at.len(), keys]);
        let bias = table.forward(ids);
        Some(match past {
            Past::Same(_) => bias.permute([2, 0, 1]).reshape([1, heads, queries, keys]),
            Past::ByRow(_) => bias.permute([0, 2, 1]).reshape([at.len(), heads, 1, keys]),
        })
    }
}
