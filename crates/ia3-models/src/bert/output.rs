#![allow(non_snake_case)] // Fields are named as Hugging Face names them.

use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use crate::layers::{dropout, dropped, linear};
use crate::norm::LayerNorm;

/// The last matrix of a layer, with the residual and a norm: `LayerNorm(dense(h) + residual)`. It ends the attention and the
/// feed-forward layer of BERT and DeBERTa.
#[derive(Module, Debug)]
pub struct BertOutput {
    /// `[d_in, d]`; an (IA)³ target whose input is scaled. PEFT's default targets scale that of the attention too; the paper does
    /// not.
    pub dense: Linear,
    /// The norm of the sum.
    pub LayerNorm: LayerNorm,
    /// The dropout on the output of `dense`.
    pub dropout: Dropout,
}

impl BertOutput {
    /// A layer `[d_in, d]` with fresh weights of the deviation `std`, the epsilon of its norm, and the share of its dropout.
    pub(crate) fn new([d_in, d]: [usize; 2], [std, epsilon, share]: [f64; 3], device: &Device) -> Self {
        let dense = linear(d_in, d, true, std, device);
        Self { dense, LayerNorm: LayerNorm::new(d, epsilon, device), dropout: dropout(share) }
    }

    /// Computes the layer for `h` `[batch, seq, d_in]` and the state `residual` `[batch, seq, d]`.
    pub(crate) fn forward(&self, h: Tensor<3>, residual: Tensor<3>) -> Tensor<3> {
        self.LayerNorm.forward(dropped(&self.dropout, self.dense.ia3_forward(h)) + residual)
    }
}
