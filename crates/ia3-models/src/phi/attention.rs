use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::config::PhiConfig;
use crate::attention::{attend_cached, split_heads};
use crate::cache::KvCache;
use crate::layers::{dropout, linear};
use crate::norm::LayerNorm;
use crate::rotary::Rotation;

/// Causal attention whose heads are rotated in part. A group of consecutive query heads may share one head of keys and values.
#[derive(Module, Debug)]
pub struct PhiAttention {
    /// The projection to queries, `[d, d]`; a target in PEFT's defaults.
    pub q_proj: Linear,
    /// The projection to keys, `[d, kv_heads·d_head]`.
    pub k_proj: Linear,
    /// The projection to values, `[d, kv_heads·d_head]`; an (IA)³ target.
    pub v_proj: Linear,
    /// The projection of the output, `[d, d]`.
    pub dense: Linear,
    /// The norm of each head of the queries, `[d_head]`.
    pub q_layernorm: Option<LayerNorm>,
    /// The norm of each head of the keys, `[d_head]`.
    pub k_layernorm: Option<LayerNorm>,
    /// The dropout on the attention weights.
    pub attention_dropout: Dropout,
    #[module(skip)]
    heads: usize,
    #[module(skip)]
    kv_heads: usize,
}

impl PhiAttention {
    pub(crate) fn new(config: &PhiConfig, device: &Device) -> Self {
        let (d, d_kv, std) =
            (config.hidden_size, config.kv_heads() * config.d_head(), config.initializer_range);
        let linear = |d_out| linear(d, d_out, true, std, device);
        let norm =
            || config.qk_layernorm.then(|| LayerNorm::new(config.d_head(), config.layer_norm_eps, device));
        Self {
            q_proj: linear(d),
            k_proj: linear(d_kv),
            v_proj: linear(d_kv),
            dense: linear(d),
            q_layernorm: norm(),
            k_layernorm: norm(),
            attention_dropout: dropout(config.attention_dropout.unwrap_or(0.0)),
            heads: config.num_attention_heads,
            kv_heads: config.kv_heads(),
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
        let rotated = |project: &Linear, heads, norm: &Option<LayerNorm>| {
            let x = split_heads(project.ia3_forward(x.clone()), heads);
            rotation.apply(norm.as_ref().map_or(x.clone(), |norm| norm.forward(x)))
        };
        let q = rotated(&self.q_proj, self.heads, &self.q_layernorm);
        let k = rotated(&self.k_proj, self.kv_heads, &self.k_layernorm);
        let v = split_heads(self.v_proj.ia3_forward(x), self.kv_heads);
        let scaling = (q.dims()[3] as f64).powf(-0.5);
        self.dense.ia3_forward(attend_cached([q, k, v], bias, scaling, &self.attention_dropout, cache))
    }
}
