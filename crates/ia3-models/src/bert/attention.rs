use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};

use super::config::BertConfig;
use super::output::BertOutput;
use crate::attention::attend_within;
use crate::layers::{dropout, linear};

/// Multi-head attention in which every token sees every other: `softmax(q·kᵀ/√d_head + mask)·v`.
#[derive(Module, Debug)]
pub struct BertSelfAttention {
    /// The projection to queries, `[d, d]`.
    pub query: Linear,
    /// The projection to keys, `[d, d]`; an (IA)³ target.
    pub key: Linear,
    /// The projection to values, `[d, d]`; an (IA)³ target.
    pub value: Linear,
    /// The dropout on the attention weights.
    pub dropout: Dropout,
    #[module(skip)]
    heads: usize,
}

/// Attention with its residual.
#[derive(Module, Debug)]
pub struct BertAttention {
    /// The attention, which is named `self` in Hugging Face. `self` is a keyword of Rust.
    pub self_: BertSelfAttention,
    /// The output.
    pub output: BertOutput,
}

impl BertSelfAttention {
    fn new(config: &BertConfig, device: &Device) -> Self {
        let d = config.hidden_size;
        let project = || linear(d, d, true, config.initializer_range, device);
        Self {
            query: project(),
            key: project(),
            value: project(),
            dropout: dropout(config.attention_probs_dropout_prob),
            heads: config.num_attention_heads,
        }
    }

    fn forward(&self, x: Tensor<3>, bias: Option<Tensor<4>>) -> Tensor<3> {
        attend_within(x, [&self.query, &self.key, &self.value], self.heads, bias, &self.dropout)
    }
}

impl BertAttention {
    pub(crate) fn new(config: &BertConfig, device: &Device) -> Self {
        let d = config.hidden_size;
        let shares = [config.initializer_range, config.layer_norm_eps, config.hidden_dropout_prob];
        let output = BertOutput::new([d, d], shares, device);
        Self { self_: BertSelfAttention::new(config, device), output }
    }

    /// Computes the layer for `x` of shape `[batch, seq, d]`. The result has the same shape.
    pub(crate) fn forward(&self, x: Tensor<3>, bias: Option<Tensor<4>>) -> Tensor<3> {
        self.output.forward(self.self_.forward(x.clone(), bias), x)
    }
}
