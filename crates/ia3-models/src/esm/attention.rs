#![allow(non_snake_case)] // Fields are named as Hugging Face names them.

use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::config::EsmConfig;
use super::output::EsmOutput;
use crate::attention::{attend, merge_heads, split_heads};
use crate::layers::{dropout, linear};
use crate::norm::LayerNorm;
use crate::rotary::Rotation;

/// Multi-head attention: `softmax(q·kᵀ/√d_head + mask)·v`, with rotated queries and keys where positions are rotary.
#[derive(Module, Debug)]
pub struct EsmSelfAttention {
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

/// Attention with a norm before it, and its residual.
#[derive(Module, Debug)]
pub struct EsmAttention {
    /// The attention, which is named `self` in Hugging Face. `self` is a keyword of Rust.
    pub self_: EsmSelfAttention,
    /// The output. PEFT's default targets of BERT, which are ESM's here, scale its input too.
    pub output: EsmOutput,
    /// The norm before the attention.
    pub LayerNorm: LayerNorm,
}

impl EsmSelfAttention {
    fn new(config: &EsmConfig, device: &Device) -> Self {
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

    fn forward(&self, x: Tensor<3>, bias: Option<Tensor<4>>, rotation: Option<&Rotation>) -> Tensor<3> {
        let heads = |layer: &Linear| split_heads(layer.ia3_forward(x.clone()), self.heads);
        let rotated = |x: Tensor<4>| match rotation {
            Some(rotation) => rotation.apply(x),
            None => x,
        };
        let (q, k, v) = (rotated(heads(&self.query)), rotated(heads(&self.key)), heads(&self.value));
        let scaling = (q.dims()[3] as f64).powf(-0.5);
        merge_heads(attend(q, k, v, bias, scaling, &self.dropout))
    }
}

impl EsmAttention {
    pub(super) fn new(config: &EsmConfig, device: &Device) -> Self {
        let d = config.hidden_size;
        Self {
            self_: EsmSelfAttention::new(config, device),
            output: EsmOutput::new(d, config, device),
            LayerNorm: LayerNorm::new(d, config.layer_norm_eps, device),
        }
    }

    /// Computes the layer for `x` of shape `[batch, seq, d]`. The result has the same shape.
    pub(super) fn forward(
        &self,
        x: Tensor<3>,
        bias: Option<Tensor<4>>,
        rotation: Option<&Rotation>,
    ) -> Tensor<3> {
        let context = self.self_.forward(self.LayerNorm.forward(x.clone()), bias, rotation);
        self.output.forward(context, x)
    }
}
