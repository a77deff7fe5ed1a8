use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::attention::Phi3Attention;
use super::config::Phi3Config;
use crate::activation::Activation;
use crate::cache::KvCache;
use crate::layers::{dropout, dropped, linear};
use crate::norm::RmsNorm;
use crate::rotary::Rotation;

/// The feed-forward layer: `down_proj(up ⊙ act(gate))`. One projection computes the gate and the matrix beside it.
#[derive(Module, Debug)]
pub struct Phi3MLP {
    /// The projection to the gate and, after it, to the outputs that no activation is applied to, `[d, 2·d_inner]`.
    pub gate_up_proj: Linear,
    /// The second matrix, `[d_inner, d]`; an (IA)³ target whose input is scaled.
    pub down_proj: Linear,
    #[module(skip)]
    activation: Activation,
}

impl Phi3MLP {
    fn new(config: &Phi3Config, device: &Device) -> Self {
        let (d, inner, std) = (config.hidden_size, config.intermediate_size, config.initializer_range);
        Self {
            gate_up_proj: linear(d, 2 * inner, false, std, device),
            down_proj: linear(inner, d, false, std, device),
            activation: config.hidden_act,
        }
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let both = self.gate_up_proj.ia3_forward(x);
        let inner = both.dims()[2] / 2;
        let [gate, up] = [0, inner].map(|start| both.clone().narrow(2, start, inner));
        self.down_proj.ia3_forward(up * self.activation.forward(gate))
    }
}

/// A block: `x + self_attn(input_layernorm(x))`, then `x + mlp(post_attention_layernorm(x))`.
#[derive(Module, Debug)]
pub struct Phi3DecoderLayer {
    /// The attention.
    pub self_attn: Phi3Attention,
    /// The feed-forward layer.
    pub mlp: Phi3MLP,
    /// The RMS norm before the attention.
    pub input_layernorm: RmsNorm,
    /// The RMS norm before the feed-forward layer.
    pub post_attention_layernorm: RmsNorm,
    /// The dropout on the output of both layers.
    pub resid_dropout: Dropout,
}

impl Phi3DecoderLayer {
    pub(crate) fn new(config: &Phi3Config, device: &Device) -> Self {
        let norm = || RmsNorm::new(config.hidden_size, config.rms_norm_eps, config.float32_states, device);
        Self {
            self_attn: Phi3Attention::new(config, device),
            mlp: Phi3MLP::new(config, device),
            input_layernorm: norm(),
            post_attention_layernorm: norm(),
            resid_dropout: dropout(config.resid_pdrop),
        }
    }

    pub(crate) fn forward(
        &self,
        x: Tensor<3>,
        rotation: &Rotation,
        bias: Tensor<4>,
        cache: Option<&mut KvCache>,
    ) -> Tensor<3> {
        let attended = self.self_attn.forward(self.input_layernorm.forward(x.clone()), rotation, bias, cache);
        let x = x + dropped(&self.resid_dropout, attended);
        x.clone() + dropped(&self.resid_dropout, self.mlp.forward(self.post_attention_layernorm.forward(x)))
    }
}
