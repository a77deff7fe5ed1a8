use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::config::EsmConfig;
use crate::layers::{dropout, dropped, linear};

/// The last matrix of a layer, with the residual: `dense(h) + residual`. It ends the attention and the feed-forward layer.
#[derive(Module, Debug)]
pub struct EsmOutput {
    /// `[d_in, d]`; an (IA)³ target whose input is scaled.
    pub dense: Linear,
    /// The dropout on the output of `dense`.
    pub dropout: Dropout,
}

impl EsmOutput {
    pub(super) fn new(d_in: usize, config: &EsmConfig, device: &Device) -> Self {
        let dense = linear(d_in, config.hidden_size, true, config.initializer_range, device);
        Self { dense, dropout: dropout(config.hidden_dropout_prob) }
    }

    /// Computes the layer for `h` `[batch, seq, d_in]` and the state `residual` `[batch, seq, d]`.
    pub(super) fn forward(&self, h: Tensor<3>, residual: Tensor<3>) -> Tensor<3> {
        dropped(&self.dropout, self.dense.ia3_forward(h)) + residual
    }
}
