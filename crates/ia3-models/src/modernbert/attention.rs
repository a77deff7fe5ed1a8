#![allow(non_snake_case)] // Fields are named as Hugging Face names them.

use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::config::ModernBertConfig;
use super::sight::Sight;
use crate::attention::{attend, merge_heads};
use crate::fused_heads::FusedHeads;
use crate::layers::{dropout, dropped, linear};
use crate::rotary::Rotation;

/// Multi-head attention with rotary positions: `softmax(q·kᵀ/√d_head + mask)·v`.
#[derive(Module, Debug)]
pub struct ModernBertAttention {
    /// The projection to queries, keys and values, `[d, 3·d]`; an (IA)³ target.
    pub Wqkv: Linear,
    /// The projection of the output, `[d, d]`.
    pub Wo: Linear,
    /// The dropout on the attention weights and on the output.
    pub out_drop: Dropout,
    #[module(skip)]
    heads: FusedHeads,
}

impl ModernBertAttention {
    pub(super) fn new(config: &ModernBertConfig, device: &Device) -> Self {
        let (d, heads) = (config.hidden_size, config.heads());
        let layer = |d_out| linear(d, d_out, config.attention_bias, config.initializer_range, device);
        Self { Wqkv: layer(heads.width()), Wo: layer(d), out_drop: dropout(config.attention_dropout), heads }
    }

    /// Computes the layer for `x` of shape `[batch, seq, d]`. The result has the same shape.
    pub(super) fn forward(&self, x: Tensor<3>, sight: Sight, rotation: &Rotation) -> Tensor<3> {
        let [q, k, v] = self.heads.split(self.Wqkv.ia3_forward(x));
        let scaling = (self.heads.d_head as f64).powf(-0.5);
        let context = attend(rotation.apply(q), rotation.apply(k), v, sight.bias, scaling, &self.out_drop);
        let context = match sight.sees {
            Some(sees) => context * sees,
            None => context,
        };
        dropped(&self.out_drop, self.Wo.ia3_forward(merge_heads(context)))
    }
}
