use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use crate::activation::Activation;
use crate::layers::linear;

/// The first half of the feed-forward layer of BERT, DeBERTa and ESM: `act(dense(x))`.
#[derive(Module, Debug)]
pub struct BertIntermediate {
    /// `[d, d_inner]`
    pub dense: Linear,
    #[module(skip)]
    activation: Activation,
}

impl BertIntermediate {
    /// A layer `[d, d_inner]` with fresh weights of the deviation `std`.
    pub(crate) fn new([d, inner]: [usize; 2], activation: Activation, std: f64, device: &Device) -> Self {
        Self { dense: linear(d, inner, true, std, device), activation }
    }

    /// Computes the layer for `x` `[batch, seq, d]`. The result is `[batch, seq, d_inner]`.
    pub(crate) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        self.activation.forward(self.dense.ia3_forward(x))
    }
}
