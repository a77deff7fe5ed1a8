use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::config::GPTJConfig;
use crate::attention::{attend_cached, split_heads};
use crate::cache::KvCache;
use crate::layers::{dropout, dropped, linear};
use crate::rotary::{Pairs, Rotation};

/// Multi-head causal attention whose heads are rotated in part.
#[derive(Module, Debug)]
pub struct GPTJAttention {
    /// The projection to keys, `[d, d]`.
    pub k_proj: Linear,
    /// The projection to values, `[d, d]`; an (IA)³ target.
    pub v_proj: Linear,
    /// The projection to queries, `[d, d]`; a target in PEFT's defaults.
    pub q_proj: Linear,
    /// The projection of the output, `[d, d]`.
    pub out_proj: Linear,
    /// The dropout on the attention weights.
    pub attn_dropout: Dropout,
    /// The dropout on the output.
    pub resid_dropout: Dropout,
    #[module(skip)]
    heads: usize,
}

impl GPTJAttention {
    pub(crate) fn new(config: &GPTJConfig, device: &Device) -> Self {
        let project = || linear(config.n_embd, config.n_embd, false, config.initializer_range, device);
        Self {
            k_proj: project(),
            v_proj: project(),
            q_proj: project(),
            out_proj: project(),
            attn_dropout: dropout(config.attn_pdrop),
            resid_dropout: dropout(config.resid_pdrop),
            heads: config.n_head,
        }
    }

    /// Computes the layer for `x` of shape `[batch, seq, d]`. The result has the same shape.
    pub(crate) fn forward(
        &self,
        x: Tensor<3>,
        rotation: &Rotation,
        bias: Tensor<4>,
        cache: Option<&mut KvCache>,
    ) -> Tensor<3> {
        let [q, k, v] = [&self.q_proj, &self.k_proj, &self.v_proj]
            .map(|project| split_heads(project.ia3_forward(x.clone()), self.heads));
        let scaling = (q.dims()[3] as f64).powf(-0.5);
        let [q, k] = [q, k].map(|x| rotation.apply_to(x, Pairs::Neighbours));
        let context = attend_cached([q, k, v], bias, scaling, &self.attn_dropout, cache);
        dropped(&self.resid_dropout, self.out_proj.ia3_forward(context))
    }
}
