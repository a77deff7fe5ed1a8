use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Embedding, EmbeddingConfig, Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor};
use ia3_core::Ia3Forward;

use super::config::T5Config;
use super::init::normal;
use super::position::buckets;
use crate::attention::{attend, merge_heads, split_heads};
use crate::decoder_memory::KeysValues;

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

    /// Computes the attention of `x` `[batch, queries, d_model]` to the given keys and values. The result has the shape of `x`.
    pub(crate) fn forward(&self, x: Tensor<3>, kv: KeysValues, bias: Tensor<4>) -> Tensor<3> {
        let [k, v] = kv;
        let q = split_heads(self.q.ia3_forward(x), self.heads);
        let context = attend(q, k, v, Some(bias), 1.0, &self.dropout);
        self.o.ia3_forward(merge_heads(context))
    }

    /// The position bias `[1, heads, queries, past + queries]`. It is zero if the layer has no bias of its own.
    ///
    /// Query `i` is at position `past + i`. With `bidirectional`, as in the encoder, keys after a query have other buckets than
    /// keys before it.
    pub(crate) fn position_bias(
        &self,
        queries: usize,
        past: usize,
        bidirectional: bool,
        device: &Device,
    ) -> Option<Tensor<4>> {
        let table = self.relative_attention_bias.as_ref()?;
        let [num_buckets, heads] = table.weight.shape().dims();
        let keys = past + queries;
        let ids = buckets(queries, past, bidirectional, num_buckets, self.max_distance);
        let ids = Tensor::<1, Int>::from_ints(ids.as_slice(), device).reshape([queries, keys]);
        let bias = table.forward(ids).permute([2, 0, 1]);
        Some(bias.reshape([1, heads, queries, keys]))
    }
}
