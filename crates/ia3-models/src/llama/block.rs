use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::attention::LlamaAttention;
use super::config::LlamaConfig;
use crate::activation::Activation;
use crate::cache::KvCache;
use crate::layers::linear;
use crate::norm::RmsNorm;
use crate::rotary::Rotation;

/// The feed-forward layer (SwiGLU): `down_proj(act(gate_proj(x)) ⊙ up_proj(x))`.
#[derive(Module, Debug)]
pub struct LlamaMLP {
    /// The gate, `[d, d_inner]`. The activation is applied to its output.
    pub gate_proj: Linear,
    /// The matrix beside the gate, `[d, d_inner]`. No activation is applied to its output.
    pub up_proj: Linear,
    /// The second matrix, `[d_inner, d]`; an (IA)³ target whose input is scaled.
    pub down_proj: Linear,
    #[module(skip)]
    activation: Activation,
}

impl LlamaMLP {
    fn new(config: &LlamaConfig, device: &Device) -> Self {
        let (d, inner, std) = (config.hidden_size, config.intermediate_size, config.initializer_range);
        let linear = |d_in, d_out| linear(d_in, d_out, config.mlp_bias, std, device);
        Self {
            gate_proj: linear(d, inner),
            up_proj: linear(d, inner),
            down_proj: linear(inner, d),
            activation: config.hidden_act,
        }
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let gate = self.activation.forward(self.gate_proj.ia3_forward(x.clone()));
        self.down_proj.ia3_forward(gate * self.up_proj.ia3_forward(x))
    }
}

/// A block: `x + self_attn(input_layernorm(x))`, then `x + mlp(post_attention_layernorm(x))`. In OLMo 2 it is
/// `x + post_attention_layernorm(self_attn(x))`, then `x + post_feedforward_layernorm(mlp(x))`.
#[derive(Module, Debug)]
pub struct LlamaDecoderLayer {
    /// The attention.
    pub self_attn: LlamaAttention,
    /// The feed-forward layer.
    pub mlp: LlamaMLP,
    /// The RMS norm before the attention. OLMo 2 has none.
    pub input_layernorm: Option<RmsNorm>,
    /// The RMS norm before the feed-forward layer; in OLMo 2 the one after the attention.
    pub post_attention_layernorm: RmsNorm,
    /// The RMS norm after the feed-forward layer, which OLMo 2 alone has.
    pub post_feedforward_layernorm: Option<RmsNorm>,
}

pub(crate) fn norm(config: &LlamaConfig, device: &Device) -> RmsNorm {
    RmsNorm::new(config.hidden_size, config.rms_norm_eps, config.float32_states, device)
}

impl LlamaDecoderLayer {
    /// Block `layer`.
    pub(crate) fn new(config: &LlamaConfig, layer: usize, device: &Device) -> Self {
        Self {
            self_attn: LlamaAttention::new(config, layer, device),
            mlp: LlamaMLP::new(config, device),
            input_layernorm: (!config.norm_after).then(|| norm(config, device)),
            post_attention_layernorm: norm(config, device),
            post_feedforward_layernorm: config.norm_after.then(|| norm(config, device)),
        }
    }

    pub(crate) fn forward(
        &self,
        x: Tensor<3>,
        rotation: &Rotation,
        bias: Tensor<4>,
        cache: Option<&mut KvCache>,
    ) -> Tensor<3> {
        let attention = |x| self.self_attn.forward(x, rotation, bias, cache);
        let of_attention = &self.post_attention_layernorm;
        match (&self.input_layernorm, &self.post_feedforward_layernorm) {
            (None, Some(of_mlp)) => {
                let x = x.clone() + of_attention.forward(attention(x));
                x.clone() + of_mlp.forward(self.mlp.forward(x))
            }
            (before, _) => {
                let h = before.as_ref().map_or(x.clone(), |norm| norm.forward(x.clone()));
                let x = x + attention(h);
                x.clone() + self.mlp.forward(of_attention.forward(x))
            }
        }
    }
}
