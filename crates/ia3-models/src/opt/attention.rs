use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::config::OPTConfig;
use crate::attention::{attend_cached, split_heads};
use crate::cache::KvCache;
use crate::layers::{dropout, linear};

/// Multi-head causal attention.
#[derive(Module, Debug)]
pub struct OPTAttention {
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

impl OPTAttention {
    pub(crate) fn new(config: &OPTConfig, device: &Device) -> Self {
        let d = config.hidden_size;
        let project = || linear(d, d, config.enable_bias, config.init_std, device);
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
    pub(crate) fn forward(&self, x: Tensor<3>, bias: Tensor<4>, cache: Option<&mut KvCache>) -> Tensor<3> {
        let heads = [&self.q_proj, &self.k_proj, &self.v_proj]
            .map(|project| split_heads(project.ia3_forward(x.clone()), self.heads));
        let scaling = (heads[0].dims()[3] as f64).powf(-0.5);
        self.out_proj.ia3_forward(attend_cached(heads, bias, scaling, &self.dropout, cache))
    }
}
