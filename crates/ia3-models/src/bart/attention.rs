use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::settings::BlockSettings;
use crate::attention::{attend_across, attend_cached, split_heads};
use crate::cache::KvCache;
use crate::decoder_memory::{Cross, KeysValues};
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

    /// Computes the attention of `x` `[batch, seq, d_model]` to itself, and to the tokens in the cache if there is one. The result
    /// has the shape of `x`.
    pub(crate) fn within(&self, x: Tensor<3>, bias: Tensor<4>, cache: Option<&mut KvCache>) -> Tensor<3> {
        let [k, v] = self.keys_values(x.clone());
        let q = split_heads(self.q_proj.ia3_forward(x), self.heads);
        self.out_proj.ia3_forward(attend_cached([q, k, v], bias, self.scaling, &self.dropout, cache))
    }

    /// Computes the attention of `x` `[batch, queries, d_model]` to the encoder's output. The result has the shape of `x`.
    pub(crate) fn across(&self, x: Tensor<3>, cross: Cross) -> Tensor<3> {
        let q = split_heads(self.q_proj.ia3_forward(x), self.heads);
        self.out_proj.ia3_forward(attend_across(q, cross, self.scaling, &self.dropout))
    }
}
