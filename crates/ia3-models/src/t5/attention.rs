use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Embedding, EmbeddingConfig, Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor};
use ia3_core::Ia3Forward;

use super::config::T5Config;
use super::init::normal;
use super::position::buckets;
use crate::attention::{attend, merge_heads, split_heads};

/// Multi-head attention without scaling of the scores and with a learned bias by relative position.
///
/// `softmax(q·kᵀ + B)·v`, then `o`. Only the first block of a stack owns the bias `B`; all blocks share it.
#[derive(Module, Debug)]
pub struct T5Attention {
    /// Queries, `[d_model, heads·d_kv]`, no bias.
    pub q: Linear,
    /// Keys, `[d_model, heads·d_kv]`, no bias; an (IA)³ target.
    pub k: Linear,
    /// Values, `[d_model, heads·d_kv]`, no bias; an (IA)³ target.
    pub v: Linear,
    /// Output, `[heads·d_kv, d_model]`, no bias.
    pub o: Linear,
    /// Bias by bucket of relative position, `[buckets, heads]`.
    pub relative_attention_bias: Option<Embedding>,
    /// Dropout on the attention weights.
    pub dropout: Dropout,
    #[module(skip)]
    heads: usize,
    #[module(skip)]
    max_distance: usize,
}

/// Keys and values of one sequence, each `[batch, heads, keys, d_kv]`.
pub(crate) type KeysValues = [Tensor<4>; 2];

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

    /// Keys and values of `x` `[batch, seq, d_model]`.
    pub(crate) fn keys_values(&self, x: Tensor<3>) -> KeysValues {
        let k = split_heads(self.k.ia3_forward(x.clone()), self.heads);
        let v = split_heads(self.v.ia3_forward(x), self.heads);
        [k, v]
    }

    /// Attends from `x` `[batch, queries, d_model]` to given keys and values.
    pub(crate) fn forward(&self, x: Tensor<3>, kv: KeysValues, bias: Tensor<4>) -> Tensor<3> {
        let [k, v] = kv;
        let q = split_heads(self.q.ia3_forward(x), self.heads);
        let context = attend(q, k, v, Some(bias), 1.0, &self.dropout);
        self.o.ia3_forward(merge_heads(context))
    }

    /// The position bias `[1, heads, queries, past + queries]`; zeros where the layer owns none.
    ///
    /// Query `i` stands at position `past + i`; `bidirectional` tells before from after (the encoder).
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
