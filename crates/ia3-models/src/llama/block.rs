use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::attention::LlamaAttention;
use super::config::{BlockNorms, LlamaConfig};
use crate::activation::Activation;
use crate::cache::KvCache;
use crate::layers::linear;
use crate::norm::RmsNorm;
use crate::rotary::Rotation;

/// The feed-forward layer (SwiGLU, in Gemma GeGLU): `down_proj(act(gate_proj(x)) ⊙ up_proj(x))`.
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

/// A block: `x + self_attn(input_layernorm(x))`, then `x + mlp(post_attention_layernorm(x))`.
///
/// In OLMo 2 it is `x + post_attention_layernorm(self_attn(x))`, then `x + post_feedforward_layernorm(mlp(x))`. Gemma 2 and 3
/// have a norm before and a norm after each of the two layers, and the norm before the feed-forward layer is
/// `pre_feedforward_layernorm`.
#[derive(Module, Debug)]
pub struct LlamaDecoderLayer {
    /// The attention.
    pub self_attn: LlamaAttention,
    /// The feed-forward layer.
    pub mlp: LlamaMLP,
    /// The RMS norm before the attention. OLMo 2 has none.
    pub input_layernorm: Option<RmsNorm>,
    /// The RMS norm before the feed-forward layer; in OLMo 2 and in Gemma 2 and 3 the one after the attention.
    pub post_attention_layernorm: RmsNorm,
    /// The RMS norm before the feed-forward layer of Gemma 2 and 3.
    pub pre_feedforward_layernorm: Option<RmsNorm>,
    /// The RMS norm after the feed-forward layer, which OLMo 2 and Gemma 2 and 3 have.
    pub post_feedforward_layernorm: Option<RmsNorm>,
}

impl LlamaDecoderLayer {
    /// Block `layer`.
    pub(crate) fn new(config: &LlamaConfig, layer: usize, device: &Device) -> Self {
        let norm = || config.norm(config.hidden_size, device);
        let norms = config.block_norms;
        Self {
            self_attn: LlamaAttention::new(config, layer, device),
            mlp: LlamaMLP::new(config, device),
            input_layernorm: (norms != BlockNorms::After).then(norm),
            post_attention_layernorm: norm(),
            pre_feedforward_layernorm: (norms == BlockNorms::Around).then(norm),
            post_feedforward_layernorm: (norms != BlockNorms::Before).then(norm),
        }
    }

    pub(crate) fn forward(
        &self,
        x: Tensor<3>,
        rotation: &Rotation,
        bias: Tensor<4>,
        cache: Option<&mut KvCache>,
    ) -> Tensor<3> {
        let [before_attention, after_attention, before_mlp, after_mlp] = self.norms();
        let h = self.self_attn.forward(normed(before_attention, x.clone()), rotation, bias, cache);
        let x = x + normed(after_attention, h);
        let h = self.mlp.forward(normed(before_mlp, x.clone()));
        x + normed(after_mlp, h)
    }

    /// The norms before and after the attention, and before and after the feed-forward layer.
    fn norms(&self) -> [Option<&RmsNorm>; 4] {
        let middle = Some(&self.post_attention_layernorm);
        let before = self.input_layernorm.as_ref();
        match &self.post_feedforward_layernorm {
            None => [before, None, middle, None],
            Some(after) => [before, middle, self.pre_feedforward_layernorm.as_ref(), Some(after)],
        }
    }
}

fn normed(norm: Option<&RmsNorm>, x: Tensor<3>) -> Tensor<3> {
    match norm {
        Some(norm) => norm.forward(x),
        None => x,
    }
}
