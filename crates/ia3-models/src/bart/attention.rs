use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::settings::BlockSettings;
use crate::attention::{attend, merge_heads, split_heads};
use crate::decoder_memory::KeysValues;
use crate::layers::{dropout, linear};

/// Multi-head attention with biases; the projection to keys of Whisper has none. The scores are divided by the root of the width of a head.
#[derive(Module, Debug)]
pub struct BartAttention {
    /// The projection to keys, `[d_model, d_model]`.
    pub k_proj: Linear,
    /// The projection to values, `[d_model, d_model]`; an (IA)³ target.
    pub v_proj: Linear,
    /// The projection to queries, `[d_model, d_model]`; an (IA)³ target.
    pub q_proj: Linear,
    /// The projection of the output, `[d_model, d_model]`.
    pub out_proj: Linear,
    /// The dropout on the attention weights.
    pub dropout: Dropout,
    #[module(skip)]
    heads: usize,
    #[module(skip)]
    scaling: f64,
}

impl BartAttention {
    pub(crate) fn new(settings: &BlockSettings, device: &Device) -> Self {
        let (d, heads) = (settings.d_model, settings.heads);
        let project = |bias| linear(d, d, bias, settings.init_std, device);
        Self {
            k_proj: project(settings.key_bias),
            v_proj: project(true),
            q_proj: project(true),
            out_proj: project(true),
            dropout: dropout(settings.attention_dropout),
            heads,
            scaling: ((d / heads) as f64).powf(-0.5),
        }
    }

    /// Computes the keys and values of `x` `[batch, seq, d_model]`.
    pub(crate) fn keys_values(&self, x: Tensor<3>) -> KeysValues {
        let k = split_heads(self.k_proj.ia3_forward(x.clone()), self.heads);
        let v = split_heads(self.v_proj.ia3_forward(x), self.heads);
        [k, v]
    }

    /// Computes the attention of `x` `[batch, queries, d_model]` to the given keys and values. The result has the shape of `x`.
    pub(crate) fn forward(&self, x: Tensor<3>, [k, v]: KeysValues, bias: Tensor<4>) -> Tensor<3> {
        let q = split_heads(self.q_proj.ia3_forward(x), self.heads);
        let context = attend(q, k, v, Some(bias), self.scaling, &self.dropout);
        self.out_proj.ia3_forward(merge_heads(context))
    }
}
