use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::config::DistilBertConfig;
use crate::activation::Activation;
use crate::attention::{attend, merge_heads, split_heads};
use crate::layers::{dropout, dropped, linear};
use crate::norm::LayerNorm;

/// Multi-head attention in which every token sees every other: `softmax(q·kᵀ/√d_head + mask)·v`.
#[derive(Module, Debug)]
pub struct DistilBertAttention {
    /// The projection to queries, `[d, d]`.
    pub q_lin: Linear,
    /// The projection to keys, `[d, d]`; an (IA)³ target.
    pub k_lin: Linear,
    /// The projection to values, `[d, d]`; an (IA)³ target.
    pub v_lin: Linear,
    /// The projection of the output, `[d, d]`.
    pub out_lin: Linear,
    /// The dropout on the attention weights.
    pub dropout: Dropout,
    #[module(skip)]
    heads: usize,
}

/// The feed-forward layer: `lin2(act(lin1(x)))`.
#[derive(Module, Debug)]
pub struct DistilBertFfn {
    /// The dropout on the output.
    pub dropout: Dropout,
    /// The first weight, `[d, d_inner]`.
    pub lin1: Linear,
    /// The second weight, `[d_inner, d]`; an (IA)³ target whose input is scaled.
    pub lin2: Linear,
    #[module(skip)]
    activation: Activation,
}

/// A block: the attention and the feed-forward layer, each with its residual and followed by a norm.
#[derive(Module, Debug)]
pub struct DistilBertBlock {
    /// The attention.
    pub attention: DistilBertAttention,
    /// The norm after the attention.
    pub sa_layer_norm: LayerNorm,
    /// The feed-forward layer.
    pub ffn: DistilBertFfn,
    /// The norm after the feed-forward layer.
    pub output_layer_norm: LayerNorm,
}

impl DistilBertAttention {
    fn new(config: &DistilBertConfig, device: &Device) -> Self {
        let project = || linear(config.dim, config.dim, true, config.initializer_range, device);
        Self {
            q_lin: project(),
            k_lin: project(),
            v_lin: project(),
            out_lin: project(),
            dropout: dropout(config.attention_dropout),
            heads: config.n_heads,
        }
    }

    fn forward(&self, x: Tensor<3>, bias: Option<Tensor<4>>) -> Tensor<3> {
        let heads = |layer: &Linear| split_heads(layer.ia3_forward(x.clone()), self.heads);
        let (q, k, v) = (heads(&self.q_lin), heads(&self.k_lin), heads(&self.v_lin));
        let scaling = (q.dims()[3] as f64).powf(-0.5);
        self.out_lin.ia3_forward(merge_heads(attend(q, k, v, bias, scaling, &self.dropout)))
    }
}

impl DistilBertFfn {
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let h = self.activation.forward(self.lin1.ia3_forward(x));
        dropped(&self.dropout, self.lin2.ia3_forward(h))
    }
}

impl DistilBertBlock {
    pub(super) fn new(config: &DistilBertConfig, device: &Device) -> Self {
        let (d, inner, std) = (config.dim, config.hidden_dim, config.initializer_range);
        let norm = || LayerNorm::new(d, DistilBertConfig::EPSILON, device);
        let ffn = DistilBertFfn {
            dropout: dropout(config.dropout),
            lin1: linear(d, inner, true, std, device),
            lin2: linear(inner, d, true, std, device),
            activation: config.activation,
        };
        let attention = DistilBertAttention::new(config, device);
        Self { attention, sa_layer_norm: norm(), ffn, output_layer_norm: norm() }
    }

    /// Computes the block for `x` of shape `[batch, seq, d]`. The result has the same shape.
    pub(super) fn forward(&self, x: Tensor<3>, bias: Option<Tensor<4>>) -> Tensor<3> {
        let x = self.sa_layer_norm.forward(self.attention.forward(x.clone(), bias) + x);
        self.output_layer_norm.forward(self.ffn.forward(x.clone()) + x)
    }
}
