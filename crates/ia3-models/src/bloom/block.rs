use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};

use super::attention::BloomAttention;
use super::config::BloomConfig;
use crate::activation::Activation;
use crate::cache::KvCache;
use crate::feed_forward::feed_forward;
use crate::layers::linear;
use crate::norm::LayerNorm;

feed_forward!(
    /// The feed-forward layer: `dense_4h_to_h(gelu(dense_h_to_4h(x)))`.
    BloomMLP { dense_h_to_4h, dense_4h_to_h }: Linear
);

/// A block: `x + self_attention(input_layernorm(x))`, then `x + mlp(post_attention_layernorm(x))`. If
/// `apply_residual_connection_post_layernorm` is set, the sums are with the normalised states.
#[derive(Module, Debug)]
pub struct BloomBlock {
    /// The norm before the attention.
    pub input_layernorm: LayerNorm,
    /// The attention.
    pub self_attention: BloomAttention,
    /// The norm before the feed-forward layer.
    pub post_attention_layernorm: LayerNorm,
    /// The feed-forward layer.
    pub mlp: BloomMLP,
    #[module(skip)]
    add_to_normed: bool,
}

impl BloomBlock {
    pub(crate) fn new(config: &BloomConfig, device: &Device) -> Self {
        let (d, std) = (config.hidden_size, config.initializer_range);
        let norm = || LayerNorm::new(d, config.layer_norm_epsilon, device);
        let layers = [[d, 4 * d], [4 * d, d]].map(|[d_in, d_out]| linear(d_in, d_out, true, std, device));
        Self {
            input_layernorm: norm(),
            self_attention: BloomAttention::new(config, device),
            post_attention_layernorm: norm(),
            mlp: BloomMLP::new(layers, Activation::GeluTanh, config.hidden_dropout),
            add_to_normed: config.apply_residual_connection_post_layernorm,
        }
    }

    pub(crate) fn forward(&self, x: Tensor<3>, bias: Tensor<4>, cache: Option<&mut KvCache>) -> Tensor<3> {
        let x = self.around(x, &self.input_layernorm, |h| self.self_attention.forward(h, bias, cache));
        self.around(x, &self.post_attention_layernorm, |h| self.mlp.forward(h))
    }

    fn around(
        &self,
        x: Tensor<3>,
        norm: &LayerNorm,
        layer: impl FnOnce(Tensor<3>) -> Tensor<3>,
    ) -> Tensor<3> {
        let normed = norm.forward(x.clone());
        let residual = if self.add_to_normed { normed.clone() } else { x };
        residual + layer(normed)
    }
}
