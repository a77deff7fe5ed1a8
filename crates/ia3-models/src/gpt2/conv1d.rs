use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};
use ia3_core::Affine;

use crate::layers::normal;

/// GPT-2's linear layer. Its weight is `[d_in, d_out]` in a checkpoint, while that of other linear layers is `[d_out, d_in]`.
#[derive(Module, Debug)]
pub struct Conv1D {
    /// The weight, `[d_in, d_out]`.
    pub weight: Param<Tensor<2>>,
    /// The bias, `[d_out]`.
    pub bias: Param<Tensor<1>>,
}

impl Conv1D {
    pub(crate) fn new(d_in: usize, d_out: usize, std: f64, device: &Device) -> Self {
        Self {
            weight: normal(std).init([d_in, d_out], device),
            bias: Initializer::Zeros.init([d_out], device),
        }
    }
}

impl Affine for Conv1D {
    fn weight(&self) -> &Param<Tensor<2>> {
        &self.weight
    }

    fn bias(&self) -> Option<&Param<Tensor<1>>> {
        Some(&self.bias)
    }
}
