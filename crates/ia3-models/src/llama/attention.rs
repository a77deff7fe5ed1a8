use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::config::{LlamaConfig, QkNorm};
use crate::attention::{attend_capped, split_heads};
use crate::cache::KvCache;
use crate::layers::{dropout, linear};
use crate::norm::RmsNorm;
use crate::rotary::Rotation;

/// Causal attention with rotary positions. A group of consecutive query heads shares one head of keys and values.
#[derive(Module, Debug)]
pub struct LlamaAttention {
    /// The projection to queries, `[d, heads·head_dim]`.
    pub q_proj: Linear,
    /// The projection to keys, `[d, kv_heads·head_dim]`; an (IA)³ target.
    pub k_proj: Linear,
    /// The projection to values, `[d, kv_heads·head_dim]`; an (IA)³ target.
    pub v_proj: Linear,
    /// The projection of the output, `[heads·head_dim, d]`.
    pub o_proj: Linear,
    /// The norm of the queries, `[head_dim]` (Qwen3 and Gemma 3) or `[heads·head_dim]` (OLMo 2).
    pub q_norm: Option<RmsNorm>,
    /// The norm of the keys, `[head_dim]` (Qwen3 and Gemma 3) or `[kv_heads·head_dim]` (OLMo 2).
    pub k_norm: Option<RmsNorm>,
    /// The dropout on the attention weights.
    pub dropout: Dropout,
    #[module(skip)]
    heads: usize,
    #[module(skip)]
    kv_heads: usize,
    #[module(skip)]
    scaling: f64,
    #[module(skip)]
    cap: Option<f64>,
    #[module(skip)]
    rotary: bool,
}

impl LlamaAttention {
    /// The attention of block `layer`.
    pub(crate) fn new(config: &LlamaConfig, layer: usize, device: &Device) -> Self {
        let (d, std) = (config.hidden_size, config.initializer_range);
        let (heads, kv_heads) = (config.num_attention_heads, config.num_key_value_heads);
        let project = |heads| linear(d, heads * config.head_dim, config.qkv_bias, std, device);
        let norm = |heads: usize| {
            let width = match config.qk_norm? {
                QkNorm::Head => config.head_dim,
                QkNorm::AllHeads => heads * config.head_dim,
            };
            Some(config.norm(width, device))
        };
        Self {
            q_proj: project(heads),
            k_proj: project(kv_heads),
            v_proj: project(kv_heads),
            o_proj: linear(heads * config.head_dim, d, config.output_bias, std, device),
            q_norm: norm(heads),
            k_norm: norm(kv_heads),
            dropout: dropout(config.attention_dropout),
            heads,
            kv_heads,
            scaling: config.query_pre_attn_scalar.powf(-0.5),
            cap: config.attn_logit_softcapping,
            rotary: config.rotary_layers[layer],
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
        let q = heads(self.q_proj.ia3_forward(x.clone()), self.heads, &self.q_norm);
        let k = heads(self.k_proj.ia3_forward(x.clone()), self.kv_heads, &self.k_norm);
        let [q, k] = if self.rotary { [q, k].map(|x| rotation.apply(x)) } else { [q, k] };
        let v = split_heads(self.v_proj.ia3_forward(x), self.kv_heads);
        let context = attend_capped([q, k, v], bias, (self.scaling, self.cap), &self.dropout, cache);
        self.o_proj.ia3_forward(context)
    }
}

/// `[batch, seq, heads·head_dim]` to `[batch, heads, seq, head_dim]`, under a norm of each head or of all heads.
fn heads(x: Tensor<3>, heads: usize, norm: &Option<RmsNorm>) -> Tensor<4> {
    let [batch, seq, width] = x.dims();
    let of_each = width / heads;
    match norm {
        None => split_heads(x, heads),
        Some(norm) if norm.gamma.lazy_shape().num_elements() == width => split_heads(norm.forward(x), heads),
        Some(norm) => norm.forward(x.reshape([batch, seq, heads, of_each])).swap_dims(1, 2),
    }
}
