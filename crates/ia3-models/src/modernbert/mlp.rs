#![allow(non_snake_case)] // Fields are named as Hugging Face names them.

use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::config::ModernBertConfig;
use crate::activation::Activation;
use crate::layers::{dropout, dropped, linear};

/// A gated feed-forward layer: `Wo(act(a) ⊙ b)`, where `Wi(x)` is `a` and after it `b`.
#[derive(Module, Debug)]
pub struct ModernBertMLP {
    /// `[d, 2·d_inner]`
    pub Wi: Linear,
    /// The dropout before the last matrix.
    pub drop: Dropout,
    /// `[d_inner, d]`; an (IA)³ target whose input is scaled.
    pub Wo: Linear,
    #[module(skip)]
    activation: Activation,
}

impl ModernBertMLP {
    pub(super) fn new(config: &ModernBertConfig, device: &Device) -> Self {
        let (d, inner) = (config.hidden_size, config.intermediate_size);
        let layer = |d_in, d_out| linear(d_in, d_out, config.mlp_bias, config.initializer_range, device);
        Self {
            Wi: layer(d, 2 * inner),
            drop: dropout(config.mlp_dropout),
            Wo: layer(inner, d),
            activation: config.hidden_activation,
        }
    }

    /// Computes the layer for `x` of shape `[batch, seq, d]`. The result has the same shape.
    pub(super) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let both = self.Wi.ia3_forward(x);
        let inner = both.dims()[2] / 2;
        let [a, b] = [0, inner].map(|start| both.clone().narrow(2, start, inner));
        self.Wo.ia3_forward(dropped(&self.drop, self.activation.forward(a) * b))
    }
}
