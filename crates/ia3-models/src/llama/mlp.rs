use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::config::LlamaConfig;
use super::experts::Expert;
use crate::activation::Activation;
use crate::layers::linear;

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
    pub(super) fn new(config: &LlamaConfig, inner: usize, device: &Device) -> Self {
        let (d, std) = (config.hidden_size, config.initializer_range);
        let linear = |d_in, d_out| linear(d_in, d_out, config.mlp_bias, std, device);
        Self {
            gate_proj: linear(d, inner),
            up_proj: linear(d, inner),
            down_proj: linear(inner, d),
            activation: config.hidden_act,
        }
    }

    pub(super) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let gate = self.activation.forward(self.gate_proj.ia3_forward(x.clone()));
        self.down_proj.ia3_forward(gate * self.up_proj.ia3_forward(x))
    }
}

impl Expert for LlamaMLP {
    fn expert(&self, x: Tensor<3>) -> Tensor<3> {
        self.forward(x)
    }

    fn layers(&self) -> [&Linear; 3] {
        [&self.gate_proj, &self.up_proj, &self.down_proj]
    }
}
