use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};

use super::attention::GPTJAttention;
use super::config::GPTJConfig;
use crate::cache::KvCache;
use crate::feed_forward::feed_forward;
use crate::layers::linear;
use crate::norm::LayerNorm;
use crate::rotary::Rotation;

feed_forward!(
    /// The feed-forward layer: `fc_out(act(fc_in(x)))`.
    GPTJMLP { fc_in, fc_out }: Linear
);

/// A block: `x + attn(h) + mlp(h)` with `h = ln_1(x)`.
#[derive(Module, Debug)]
pub struct GPTJBlock {
    /// The norm before both layers.
    pub ln_1: LayerNorm,
    /// The attention.
    pub attn: GPTJAttention,
    /// The feed-forward layer.
    pub mlp: GPTJMLP,
}

impl GPTJBlock {
    pub(crate) fn new(config: &GPTJConfig, device: &Device) -> Self {
        let (d, inner, std) = (config.n_embd, config.d_inner(), config.initializer_range);
        let layers = [[d, inner], [inner, d]].map(|[d_in, d_out]| linear(d_in, d_out, true, std, device));
        Self {
            ln_1: LayerNorm::new(d, config.layer_norm_epsilon, device),
            attn: GPTJAttention::new(config, device),
            mlp: GPTJMLP::new(layers, config.activation_function, config.resid_pdrop),
        }
    }

    pub(crate) fn forward(
        &self,
        x: Tensor<3>,
        rotation: &Rotation,
        bias: Tensor<4>,
        cache: Option<&mut KvCache>,
    ) -> Tensor<3> {
        let h = self.ln_1.forward(x.clone());
        x + self.attn.forward(h.clone(), rotation, bias, cache) + self.mlp.forward(h)
    }
}
