use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::config::ViTConfig;
use crate::attention::attend_within;
use crate::layers::{dropout, linear};

/// Multi-head attention in which every patch sees every other.
#[derive(Module, Debug)]
pub struct ViTAttention {
    /// The projection to queries, `[d, heads·d_head]`.
    pub q_proj: Linear,
    /// The projection to keys, `[d, heads·d_head]`; an (IA)³ target.
    pub k_proj: Linear,
    /// The projection to values, `[d, heads·d_head]`; an (IA)³ target.
    pub v_proj: Linear,
    /// The projection of the output, `[heads·d_head, d]`.
    pub o_proj: Linear,
    /// The dropout on the attention weights.
    pub dropout: Dropout,
    #[module(skip)]
    heads: usize,
}

impl ViTAttention {
    pub(super) fn new(config: &ViTConfig, device: &Device) -> Self {
        let (d, width, std) = (config.hidden_size, config.attention_width(), config.initializer_range);
        let project = || linear(d, width, config.qkv_bias, std, device);
        Self {
            q_proj: project(),
            k_proj: project(),
            v_proj: project(),
            o_proj: linear(width, d, true, std, device),
            dropout: dropout(config.attention_probs_dropout_prob),
            heads: config.num_attention_heads,
        }
    }

    /// Computes the layer for `x` of shape `[batch, seq, d]`. The result has the same shape.
    pub(super) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let layers = [&self.q_proj, &self.k_proj, &self.v_proj];
        self.o_proj.ia3_forward(attend_within(x, layers, self.heads, None, &self.dropout))
    }
}
