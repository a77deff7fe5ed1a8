//! The blocks of the two stacks. Each of their layers computes `norm(x + dropout(f(x)))`, or `x + dropout(f(norm(x)))` in mBART,
//! M2M-100 and Whisper.

use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::attention::BartAttention;
use super::settings::BlockSettings;
use crate::activation::Activation;
use crate::cache::KvCache;
use crate::decoder_memory::Cross;
use crate::half::clamped;
use crate::layers::{dropout, dropped, linear};
use crate::norm::LayerNorm;

/// A block of the encoder.
#[derive(Module, Debug)]
pub struct BartEncoderLayer {
    /// The attention.
    pub self_attn: BartAttention,
    /// The norm of the attention.
    pub self_attn_layer_norm: LayerNorm,
    /// The first matrix of the feed-forward layer, `[d_model, ffn_dim]`.
    pub fc1: Linear,
    /// The second matrix, `[ffn_dim, d_model]`; an (IA)³ target whose input is scaled.
    pub fc2: Linear,
    /// The norm of the feed-forward layer.
    pub final_layer_norm: LayerNorm,
    /// The dropout on the outputs of the layers.
    pub dropout: Dropout,
    /// The dropout on the inner activations of the feed-forward layer.
    pub activation_dropout: Dropout,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    norm_before: bool,
}

/// A block of the decoder.
#[derive(Module, Debug)]
pub struct BartDecoderLayer {
    /// The attention to the tokens before.
    pub self_attn: BartAttention,
    /// The norm of this attention.
    pub self_attn_layer_norm: LayerNorm,
    /// The attention to the encoder's output.
    pub encoder_attn: BartAttention,
    /// The norm of this attention.
    pub encoder_attn_layer_norm: LayerNorm,
    /// The first matrix of the feed-forward layer, `[d_model, ffn_dim]`.
    pub fc1: Linear,
    /// The second matrix, `[ffn_dim, d_model]`; an (IA)³ target whose input is scaled.
    pub fc2: Linear,
    /// The norm of the feed-forward layer.
    pub final_layer_norm: LayerNorm,
    /// The dropout on the outputs of the layers.
    pub dropout: Dropout,
    /// The dropout on the inner activations of the feed-forward layer.
    pub activation_dropout: Dropout,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    norm_before: bool,
}

/// The epsilon of all norms.
const EPSILON: f64 = 1e-5;

pub(crate) fn norm(settings: &BlockSettings, device: &Device) -> LayerNorm {
    LayerNorm::new(settings.d_model, EPSILON, device)
}

fn matrices(settings: &BlockSettings, device: &Device) -> [Linear; 2] {
    let linear = |d_in, d_out| linear(d_in, d_out, true, settings.init_std, device);
    [linear(settings.d_model, settings.ffn_dim), linear(settings.ffn_dim, settings.d_model)]
}

/// One layer of a block, with its norm before it or after the sum.
struct Layer<'a> {
    norm: &'a LayerNorm,
    dropout: &'a Dropout,
    norm_before: bool,
}

impl Layer<'_> {
    fn around(&self, x: Tensor<3>, f: impl FnOnce(Tensor<3>) -> Tensor<3>) -> Tensor<3> {
        match self.norm_before {
            true => x.clone() + dropped(self.dropout, f(self.norm.forward(x))),
            false => self.norm.forward(x.clone() + dropped(self.dropout, f(x))),
        }
    }
}

impl BartEncoderLayer {
    pub(crate) fn new(settings: &BlockSettings, device: &Device) -> Self {
        let [fc1, fc2] = matrices(settings, device);
        Self {
            self_attn: BartAttention::new(settings, device),
            self_attn_layer_norm: norm(settings, device),
            fc1,
            fc2,
            final_layer_norm: norm(settings, device),
            dropout: dropout(settings.dropout),
            activation_dropout: dropout(settings.activation_dropout),
            activation: settings.activation,
            norm_before: settings.norm_before,
        }
    }

    /// `[batch, seq, d_model]` to the same shape.
    pub(crate) fn forward(&self, x: Tensor<3>, bias: Tensor<4>) -> Tensor<3> {
        let attended = |h| self.self_attn.within(h, bias, None);
        let x = self.layer(&self.self_attn_layer_norm).around(x, attended);
        clamped(self.layer(&self.final_layer_norm).around(x, |h| {
            let h = self.activation.forward(self.fc1.ia3_forward(h));
            self.fc2.ia3_forward(dropped(&self.activation_dropout, h))
        }))
    }

    fn layer<'a>(&'a self, norm: &'a LayerNorm) -> Layer<'a> {
        Layer { norm, dropout: &self.dropout, norm_before: self.norm_before }
    }
}

impl BartDecoderLayer {
    pub(crate) fn new(settings: &BlockSettings, device: &Device) -> Self {
        let [fc1, fc2] = matrices(settings, device);
        let attention = || BartAttention::new(settings, device);
        Self {
            self_attn: attention(),
            self_attn_layer_norm: norm(settings, device),
            encoder_attn: attention(),
            encoder_attn_layer_norm: norm(settings, device),
            fc1,
            fc2,
            final_layer_norm: norm(settings, device),
            dropout: dropout(settings.dropout),
            activation_dropout: dropout(settings.activation_dropout),
            activation: settings.activation,
            norm_before: settings.norm_before,
        }
    }

    /// `[batch, new, d_model]` to the same shape. `cross` is the encoder's output.
    pub(crate) fn forward(
        &self,
        x: Tensor<3>,
        bias: Tensor<4>,
        cross: Cross,
        cache: Option<&mut KvCache>,
    ) -> Tensor<3> {
        let attended = |h| self.self_attn.within(h, bias, cache);
        let x = self.layer(&self.self_attn_layer_norm).around(x, attended);
        let attended = |h| self.encoder_attn.across(h, cross);
        let x = self.layer(&self.encoder_attn_layer_norm).around(x, attended);
        self.layer(&self.final_layer_norm).around(x, |h| {
            let h = self.activation.forward(self.fc1.ia3_forward(h));
            self.fc2.ia3_forward(dropped(&self.activation_dropout, h))
        })
    }

    fn layer<'a>(&'a self, norm: &'a LayerNorm) -> Layer<'a> {
        Layer { norm, dropout: &self.dropout, norm_before: self.norm_before }
    }
}
