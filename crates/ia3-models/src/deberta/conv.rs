#![allow(non_snake_case)] // Fields are named as Hugging Face names them.

use burn::module::Module;
use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::{Dropout, PaddingConfig1d};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Int, Tensor, module};

use super::config::DebertaConfig;
use crate::activation::Activation;
use crate::layers::{dropout, normal};
use crate::norm::LayerNorm;

/// A convolution over the embeddings beside the first block: `LayerNorm(block + act(conv(embeddings)))`.
#[derive(Module, Debug)]
pub struct DebertaConvLayer {
    /// `[d, d / groups, kernel]`
    pub conv: Conv1d,
    /// The norm of the sum.
    pub LayerNorm: LayerNorm,
    /// The dropout on the output of the convolution.
    pub dropout: Dropout,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    groups: usize,
}

impl DebertaConvLayer {
    pub(super) fn new(kernel: usize, config: &DebertaConfig, device: &Device) -> Self {
        let (d, groups) = (config.hidden_size, config.conv_groups);
        let conv = Conv1dConfig::new(d, d, kernel)
            .with_groups(groups)
            .with_padding(PaddingConfig1d::Explicit(kernel / 2, kernel / 2))
            .with_initializer(normal(config.initializer_range));
        Self {
            conv: conv.init(device),
            LayerNorm: LayerNorm::new(d, config.layer_norm_eps, device),
            dropout: dropout(config.hidden_dropout_prob),
            activation: config.conv_act,
            groups,
        }
    }

    /// Computes the layer for the embeddings `x` and the output `block` of the first block, both `[batch, seq, d]`. The result has
    /// the same shape, and is 0 at padding.
    pub(super) fn forward(&self, x: Tensor<3>, block: Tensor<3>, mask: Option<&Tensor<2, Int>>) -> Tensor<3> {
        let dtype = x.dtype();
        let weight = self.conv.weight.val().cast(dtype);
        let bias = self.conv.bias.as_ref().map(|bias| bias.val().cast(dtype));
        let [.., kernel] = weight.dims();
        let options = ConvOptions::new([1], [kernel / 2], [1], self.groups);
        let out = module::conv1d(x.swap_dims(1, 2), weight, bias, options).swap_dims(1, 2);
        let real =
            mask.map(|mask| mask.clone().not_equal_scalar(0).float().cast(dtype).unsqueeze_dim::<3>(2));
        let only_real = |x: Tensor<3>| match &real {
            Some(real) => x * real.clone(),
            None => x,
        };
        let out = self.activation.forward(self.dropout.forward(only_real(out)));
        only_real(self.LayerNorm.forward(block + out))
    }
}
