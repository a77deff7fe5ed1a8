use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::config::EsmConfig;
use crate::layers::linear;

/// The layer that predicts contacts of amino acids from attention weights. Every checkpoint holds it, and it is kept, but no
/// forward computes with it, here as in transformers.
#[derive(Module, Debug)]
pub struct EsmContactPredictionHead {
    /// `[blocks · heads, 1]`
    pub regression: Linear,
}

impl EsmContactPredictionHead {
    pub(super) fn new(config: &EsmConfig, device: &Device) -> Self {
        let features = config.num_hidden_layers * config.num_attention_heads;
        Self { regression: linear(features, 1, true, config.initializer_range, device) }
    }

    /// Computes the layer for zeros and drops the result, so that the layer counts as computed where an adapter of `all-linear`
    /// gave it a vector, which changes nothing.
    pub(super) fn pass(&self, x: &Tensor<3>) {
        let [features, _] = self.regression.weight.lazy_shape().dims();
        let [batch, ..] = x.dims();
        self.regression.ia3_forward(Tensor::<3>::zeros([batch, 1, features], (&x.device(), x.dtype())));
    }
}
