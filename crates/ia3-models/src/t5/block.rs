//! The three kinds of layer, each of which computes `x + dropout(f(norm(x)))`, and the two kinds of block.
#![allow(non_snake_case)] // Fields are named as Hugging Face names them.

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig};
use burn::tensor::{Device, Tensor};

use super::attention::T5Attention;
use super::config::T5Config;
use super::feed_forward::T5DenseReluDense;
use crate::cache::KvCache;
use crate::decoder_memory::{Cross, KeysValues};
use crate::half::{clamped, residual};
use crate::layers::dropped;
use crate::norm::RmsNorm;

/// Self-attention with its norm and residual.
#[derive(Module, Debug)]
pub struct T5LayerSelfAttention {
    /// The attention.
    pub SelfAttention: T5Attention,
    /// The RMS norm before the layer.
    pub layer_norm: RmsNorm,
    /// The dropout on the output of the layer.
    pub dropout: Dropout,
}

/// Attention to the encoder's output with its norm and residual.
#[derive(Module, Debug)]
pub struct T5LayerCrossAttention {
    /// The attention.
    pub EncDecAttention: T5Attention,
    /// The RMS norm before the layer.
    pub layer_norm: RmsNorm,
    /// The dropout on the output of the layer.
    pub dropout: Dropout,
}

/// The feed-forward layer with its norm and residual.
#[derive(Module, Debug)]
pub struct T5LayerFF {
    /// The layer.
    pub DenseReluDense: T5DenseReluDense,
    /// The RMS norm before the layer.
    pub layer_norm: RmsNorm,
    /// The dropout on the output of the layer.
    pub dropout: Dropout,
}

/// A block of the encoder.
#[derive(Module, Debug)]
pub struct T5EncoderBlock {
    /// Self-attention and feed-forward layer.
    pub layer: (T5LayerSelfAttention, T5LayerFF),
}

/// A block of the decoder.
#[derive(Module, Debug)]
pub struct T5DecoderBlock {
    /// Self-attention, attention to the encoder and feed-forward layer.
    pub layer: (T5LayerSelfAttention, T5LayerCrossAttention, T5LayerFF),
}

pub(crate) fn norm(config: &T5Config, device: &Device) -> RmsNorm {
    RmsNorm::new(config.d_model, config.layer_norm_epsilon, config.float32_states, device)
}

pub(crate) fn dropout(config: &T5Config) -> Dropout {
    DropoutConfig::new(config.dropout_rate).init()
}

impl T5LayerSelfAttention {
    fn new(config: &T5Config, owns_bias: bool, device: &Device) -> Self {
        Self {
            SelfAttention: T5Attention::new(config, owns_bias, device),
            layer_norm: norm(config, device),
            dropout: dropout(config),
        }
    }

    fn forward(&self, x: Tensor<3>, bias: Tensor<4>, cache: Option<&mut KvCache>) -> Tensor<3> {
        let h = self.layer_norm.forward(x.clone());
        clamped(residual(x, dropped(&self.dropout, self.SelfAttention.within(h, bias, cache))))
    }
}

impl T5LayerCrossAttention {
    fn new(config: &T5Config, device: &Device) -> Self {
        Self {
            EncDecAttention: T5Attention::new(config, false, device),
            layer_norm: norm(config, device),
            dropout: dropout(config),
        }
    }

    fn forward(&self, x: Tensor<3>, cross: Cross) -> Tensor<3> {
        let h = self.layer_norm.forward(x.clone());
        clamped(residual(x, dropped(&self.dropout, self.EncDecAttention.across(h, cross))))
    }
}

impl T5LayerFF {
    fn new(config: &T5Config, device: &Device) -> Self {
        Self {
            DenseReluDense: T5DenseReluDense::new(config, device),
            layer_norm: norm(config, device),
            dropout: dropout(config),
        }
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let h = self.layer_norm.forward(x.clone());
        clamped(residual(x, dropped(&self.dropout, self.DenseReluDense.forward(h))))
    }
}

impl T5EncoderBlock {
    pub(crate) fn new(config: &T5Config, index: usize, device: &Device) -> Self {
        let attention = T5LayerSelfAttention::new(config, index == 0, device);
        Self { layer: (attention, T5LayerFF::new(config, device)) }
    }

    pub(crate) fn forward(&self, x: Tensor<3>, bias: Tensor<4>) -> Tensor<3> {
        let (attention, feed_forward) = &self.layer;
        feed_forward.forward(attention.forward(x, bias, None))
    }
}

impl T5DecoderBlock {
    pub(crate) fn new(config: &T5Config, index: usize, device: &Device) -> Self {
        let attention = T5LayerSelfAttention::new(config, index == 0, device);
        let cross = T5LayerCrossAttention::new(config, device);
        Self { layer: (attention, cross, T5LayerFF::new(config, device)) }
    }

    /// Computes the keys and values of the encoder's output. They are the same for every step of a generation.
    pub(crate) fn cross_keys_values(&self, encoded: Tensor<3>) -> KeysValues {
        self.layer.1.EncDecAttention.keys_values(encoded)
    }

    pub(crate) fn forward(
        &self,
        x: Tensor<3>,
        bias: Tensor<4>,
        cross: Cross,
        cache: Option<&mut KvCache>,
    ) -> Tensor<3> {
        let (attention, cross_attention, feed_forward) = &self.layer;
        let x = attention.forward(x, bias, cache);
        feed_forward.forward(cross_attention.forward(x, cross))
    }
}
