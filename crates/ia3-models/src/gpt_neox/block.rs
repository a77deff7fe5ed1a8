use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};

use super::attention::GPTNeoXAttention;
use super::config::GPTNeoXConfig;
use crate::cache::KvCache;
use crate::feed_forward::feed_forward;
use crate::layers::{dropout, dropped, linear};
use crate::norm::LayerNorm;
use crate::rotary::Rotation;

feed_forward!(
    /// The feed-forward layer: `dense_4h_to_h(act(dense_h_to_4h(x)))`.
    GPTNeoXMLP { dense_h_to_4h, dense_4h_to_h }: Linear
);

/// A block: `x + attention(input_layernorm(x)) + mlp(post_attention_layernorm(x))`. Without `use_parallel_residual` it is
/// `x + attention(input_layernorm(x))`, then `x + mlp(post_attention_layernorm(x))`.
#[derive(Module, Debug)]
pub struct GPTNeoXLayer {
    /// The norm before the attention.
    pub input_layernorm: LayerNorm,
    /// The norm before the feed-forward layer.
    pub post_attention_layernorm: LayerNorm,
    /// The dropout on the output of the attention.
    pub post_attention_dropout: Dropout,
    /// The attention.
    pub attention: GPTNeoXAttention,
    /// The feed-forward layer.
    pub mlp: GPTNeoXMLP,
    #[module(skip)]
    parallel: bool,
}

impl GPTNeoXLayer {
    pub(crate) fn new(config: &GPTNeoXConfig, device: &Device) -> Self {
        let (d, inner, std) = (config.hidden_size, config.intermediate_size, config.initializer_range);
        let norm = || LayerNorm::new(d, config.layer_norm_eps, device);
        let layers = [[d, inner], [inner, d]].map(|[d_in, d_out]| linear(d_in, d_out, true, std, device));
        Self {
            input_layernorm: norm(),
            post_attention_layernorm: norm(),
            post_attention_dropout: dropout(config.hidden_dropout),
            attention: GPTNeoXAttention::new(config, device),
            mlp: GPTNeoXMLP::new(layers, config.hidden_act, config.hidden_dropout),
            parallel: config.use_parallel_residual,
        }
    }

    pub(crate) fn forward(
        &self,
        x: Tensor<3>,
        rotation: &Rotation,
        bias: Tensor<4>,
        cache: Option<&mut KvCache>,
    ) -> Tensor<3> {
        let attended = self.attention.forward(self.input_layernorm.forward(x.clone()), rotation, bias, cache);
        let after = x.clone() + dropped(&self.post_attention_dropout, attended);
        let before_mlp = if self.parallel { x } else { after.clone() };
        after + self.mlp.forward(self.post_attention_layernorm.forward(before_mlp))
    }
}
