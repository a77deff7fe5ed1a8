use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::config::ClipConfig;
use crate::attention::attend_within;
use crate::layers::{dropout, linear};

/// Multi-head attention in which every patch sees every other.
#[derive(Module, Debug)]
pub struct ClipAttention {
    /// The projection to keys, `[d, d]`; an (IA)³ target.
    pub k_proj: Linear,
    /// The projection to values, `[d, d]`; an (IA)³ target.
    pub v_proj: Linear,
    /// The projection to queries, `[d, d]`.
    pub q_proj: Linear,
    /// The projection of the output, `[d, d]`.
    pub out_proj: Linear,
    /// The dropout on the attention weights.
    pub dropout: Dropout,
    #[module(skip)]
    heads: usize,
}

impl ClipAttention {
    pub(super) fn new(config: &ClipConfig, device: &Device) -> Self {
        let d = config.hidden_size;
        let project = || linear(d, d, true, config.initializer_range, device);
        Self {
            k_proj: project(),
            v_proj: project(),
            q_proj: project(),
            out_proj: project(),
            dropout: dropout(config.attention_dropout),
            heads: config.num_attention_heads,
        }
    }

    /// Computes the layer for `x` of shape `[batch, seq, d]`. The result has the same shape.
    pub(super) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let layers = [&self.q_proj, &self.k_proj, &self.v_proj];
        self.out_proj.ia3_forward(attend_within(x, layers, self.heads, None, &self.dropout))
    }
}
