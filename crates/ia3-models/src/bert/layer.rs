#![allow(non_snake_case)] // Fields are named as Hugging Face names them.

use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::attention::BertAttention;
use super::config::BertConfig;
use crate::activation::Activation;
use crate::layers::{dropout, linear};
use crate::norm::LayerNorm;

/// The first half of the feed-forward layer: `act(dense(x))`.
#[derive(Module, Debug)]
pub struct BertIntermediate {
    /// The weight, `[d, d_inner]`.
    pub dense: Linear,
    #[module(skip)]
    activation: Activation,
}

/// The second half of the feed-forward layer: `LayerNorm(dense(h) + residual)`.
#[derive(Module, Debug)]
pub struct BertOutput {
    /// `[d_inner, d]`; an (IA)³ target whose input is scaled.
    pub dense: Linear,
    /// The norm of the sum.
    pub LayerNorm: LayerNorm,
    /// The dropout on the output of `dense`.
    pub dropout: Dropout,
}

/// A block: the attention and the feed-forward layer, each with its residual and followed by a norm.
#[derive(Module, Debug)]
pub struct BertLayer {
    /// The attention.
    pub attention: BertAttention,
    /// The first half of the feed-forward layer.
    pub intermediate: BertIntermediate,
    /// The second half of the feed-forward layer.
    pub output: BertOutput,
}

impl BertLayer {
    pub(crate) fn new(config: &BertConfig, device: &Device) -> Self {
        let (d, inner, std) = (config.hidden_size, config.intermediate_size, config.initializer_range);
        let intermediate =
            BertIntermediate { dense: linear(d, inner, true, std, device), activation: config.hidden_act };
        let output = BertOutput {
            dense: linear(inner, d, true, std, device),
            LayerNorm: LayerNorm::new(d, config.layer_norm_eps, device),
            dropout: dropout(config.hidden_dropout_prob),
        };
        Self { attention: BertAttention::new(config, device), intermediate, output }
    }

    /// Computes the layer for `x` of shape `[batch, seq, d]`. The result has the same shape.
    pub(crate) fn forward(&self, x: Tensor<3>, bias: Option<Tensor<4>>) -> Tensor<3> {
        let x = self.attention.forward(x, bias);
        let h = self.intermediate.activation.forward(self.intermediate.dense.ia3_forward(x.clone()));
        let BertOutput { dense, LayerNorm: norm, dropout } = &self.output;
        norm.forward(dropout.forward(dense.ia3_forward(h)) + x)
    }
}
