use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};

use super::attention::{FalconAttention, Positions};
use super::config::FalconConfig;
use crate::cache::KvCache;
use crate::feed_forward::feed_forward;
use crate::layers::{dropout, dropped, linear};
use crate::norm::LayerNorm;

feed_forward!(
    /// The feed-forward layer: `dense_4h_to_h(act(dense_h_to_4h(x)))`.
    FalconMLP { dense_h_to_4h, dense_4h_to_h }: Linear
);

fn mlp(config: &FalconConfig, device: &Device) -> FalconMLP {
    let (d, inner, std) = (config.hidden_size, config.d_inner(), config.initializer_range);
    let layers = [[d, inner], [inner, d]].map(|[d_in, d_out]| linear(d_in, d_out, config.bias, std, device));
    // The block applies its dropout to the sum of both layers.
    FalconMLP::new(layers, config.activation, 0.0)
}

/// A block. The variants of Falcon differ in its norms:
///
/// - Two norms (40B): `x + attention(ln_attn(x)) + mlp(ln_mlp(x))`.
/// - One norm (7B, 11B): `x + attention(h) + mlp(h)` with `h = input_layernorm(x)`.
/// - Sequential (RW-1B): `x + attention(input_layernorm(x))`, then `x + mlp(post_attention_layernorm(x))`.
#[derive(Module, Debug)]
pub struct FalconDecoderLayer {
    /// The attention.
    pub self_attention: FalconAttention,
    /// The feed-forward layer.
    pub mlp: FalconMLP,
    /// The norm before the attention, and before a parallel feed-forward layer.
    pub input_layernorm: Option<LayerNorm>,
    /// The norm before a sequential feed-forward layer.
    pub post_attention_layernorm: Option<LayerNorm>,
    /// The norm before the attention in a block with two norms.
    pub ln_attn: Option<LayerNorm>,
    /// The norm before the feed-forward layer in a block with two norms.
    pub ln_mlp: Option<LayerNorm>,
    /// The dropout on the output of a sequential attention.
    pub attention_dropout: Dropout,
    /// The dropout on the output of the block.
    pub hidden_dropout: Dropout,
}

impl FalconDecoderLayer {
    pub(crate) fn new(config: &FalconConfig, device: &Device) -> Self {
        let norm = |wanted: bool| {
            wanted.then(|| LayerNorm::new(config.hidden_size, config.layer_norm_epsilon, device))
        };
        Self {
            self_attention: FalconAttention::new(config, device),
            mlp: mlp(config, device),
            input_layernorm: norm(!config.two_norms()),
            post_attention_layernorm: norm(!config.parallel_attn),
            ln_attn: norm(config.two_norms()),
            ln_mlp: norm(config.two_norms()),
            attention_dropout: dropout(config.attention_dropout),
            hidden_dropout: dropout(config.hidden_dropout),
        }
    }

    /// Computes the layer for `x` of shape `[batch, seq, d]`. The result has the same shape.
    pub(crate) fn forward(
        &self,
        x: Tensor<3>,
        positions: &Positions,
        cache: Option<&mut KvCache>,
    ) -> Tensor<3> {
        let normed = apply(self.ln_attn.as_ref().or(self.input_layernorm.as_ref()), x.clone());
        let attended = self.self_attention.forward(normed.clone(), positions, cache);
        if let Some(norm) = &self.post_attention_layernorm {
            let x = x + dropped(&self.attention_dropout, attended);
            return x.clone() + dropped(&self.hidden_dropout, self.mlp.forward(norm.forward(x)));
        }
        let before_mlp = match &self.ln_mlp {
            Some(norm) => norm.forward(x.clone()),
            None => normed,
        };
        x + dropped(&self.hidden_dropout, self.mlp.forward(before_mlp) + attended)
    }
}

fn apply(norm: Option<&LayerNorm>, x: Tensor<3>) -> Tensor<3> {
    match norm {
        Some(norm) => norm.forward(x),
        None => x,
    }
}
