use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::attention::OPTAttention;
use super::config::OPTConfig;
use crate::activation::Activation;
use crate::cache::KvCache;
use crate::layers::{dropout, dropped, linear};
use crate::norm::LayerNorm;

/// A block: `x + self_attn(self_attn_layer_norm(x))`, then `x + fc2(act(fc1(final_layer_norm(x))))`. In OPT-350m, the norms
/// follow the sums.
#[derive(Module, Debug)]
pub struct OPTDecoderLayer {
    /// The attention.
    pub self_attn: OPTAttention,
    /// The norm of the attention; without parameters if it is absent.
    pub self_attn_layer_norm: Option<LayerNorm>,
    /// The first matrix of the feed-forward layer, `[d, d_inner]`.
    pub fc1: Linear,
    /// The second matrix of the feed-forward layer, `[d_inner, d]`; an (IA)³ target whose input is scaled.
    pub fc2: Linear,
    /// The norm of the feed-forward layer; without parameters if it is absent.
    pub final_layer_norm: Option<LayerNorm>,
    /// The dropout on the output of each layer.
    pub dropout: Dropout,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    norm_before: bool,
}

/// The epsilon of all norms.
const EPSILON: f64 = 1e-5;

/// A norm with parameters, if the norms of the model have parameters.
pub(crate) fn norm(config: &OPTConfig, device: &Device) -> Option<LayerNorm> {
    config.layer_norm_elementwise_affine.then(|| LayerNorm::new(config.hidden_size, EPSILON, device))
}

/// Normalises `x` `[batch, seq, d]`, without parameters if the norm is absent.
pub(crate) fn normed(norm: &Option<LayerNorm>, x: Tensor<3>) -> Tensor<3> {
    match norm {
        Some(norm) => norm.forward(x),
        None => {
            let ones = Tensor::ones([x.dims()[2]], (&x.device(), x.dtype()));
            ia3_ops::layer_norm(x, ones, None, EPSILON)
        }
    }
}

impl OPTDecoderLayer {
    pub(crate) fn new(config: &OPTConfig, device: &Device) -> Self {
        let linear = |d_in, d_out| linear(d_in, d_out, config.enable_bias, config.init_std, device);
        Self {
            self_attn: OPTAttention::new(config, device),
            self_attn_layer_norm: norm(config, device),
            fc1: linear(config.hidden_size, config.ffn_dim),
            fc2: linear(config.ffn_dim, config.hidden_size),
            final_layer_norm: norm(config, device),
            dropout: dropout(config.dropout),
            activation: config.activation_function,
            norm_before: config.do_layer_norm_before,
        }
    }

    pub(crate) fn forward(&self, x: Tensor<3>, bias: Tensor<4>, cache: Option<&mut KvCache>) -> Tensor<3> {
        let attention = |x| self.self_attn.forward(x, bias, cache);
        let x = self.around(x, &self.self_attn_layer_norm, attention);
        self.around(x, &self.final_layer_norm, |x| {
            self.fc2.ia3_forward(self.activation.forward(self.fc1.ia3_forward(x)))
        })
    }

    /// `x + layer(norm(x))`, or `norm(x + layer(x))`.
    fn around(
        &self,
        x: Tensor<3>,
        norm: &Option<LayerNorm>,
        layer: impl FnOnce(Tensor<3>) -> Tensor<3>,
    ) -> Tensor<3> {
        let input = if self.norm_before { normed(norm, x.clone()) } else { x.clone() };
        let sum = x + dropped(&self.dropout, layer(input));
        if self.norm_before { sum } else { normed(norm, sum) }
    }
}
