use burn::module::Module;
use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::{Dropout, Embedding, PaddingConfig1d};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{DType, Device, Tensor, module};

use super::config::WhisperConfig;
use crate::activation::Activation;
use crate::bart::{BartEncoderLayer, encoded, norm};
use crate::layers::{dropout, embedding, normal};
use crate::mask;
use crate::norm::LayerNorm;
use crate::output::Trace;

/// The width of the convolutions.
const KERNEL: usize = 3;

/// The encoder: two convolutions over the frames, of which the second halves their number, and blocks.
#[derive(Module, Debug)]
pub struct WhisperEncoder {
    /// The first convolution, `[d_model, num_mel_bins, 3]`.
    pub conv1: Conv1d,
    /// The second convolution, `[d_model, d_model, 3]`, with a stride of 2.
    pub conv2: Conv1d,
    /// The table of positions, `[max_source_positions, d_model]`. A checkpoint holds the sines and cosines.
    pub embed_positions: Embedding,
    /// The blocks.
    pub layers: Vec<BartEncoderLayer>,
    /// The norm of the output.
    pub layer_norm: LayerNorm,
    /// The dropout on the sum of the features and the positions.
    pub dropout: Dropout,
    /// The share of blocks that are skipped in training.
    pub layerdrop: Dropout,
    #[module(skip)]
    float32_states: bool,
}

impl WhisperEncoder {
    pub(super) fn new(config: &WhisperConfig, device: &Device) -> Self {
        let (d, block) = (config.d_model, config.encoder_block());
        let conv = |channels| {
            let padding = PaddingConfig1d::Explicit(KERNEL / 2, KERNEL / 2);
            let conv = Conv1dConfig::new(channels, d, KERNEL).with_padding(padding);
            conv.with_initializer(normal(config.init_std))
        };
        Self {
            conv1: conv(config.num_mel_bins).init(device),
            conv2: conv(d).with_stride(2).init(device),
            embed_positions: embedding(config.max_source_positions, d, config.init_std, device),
            layers: (0..config.encoder_layers).map(|_| BartEncoderLayer::new(&block, device)).collect(),
            layer_norm: norm(&block, device),
            dropout: dropout(config.dropout),
            layerdrop: dropout(config.encoder_layerdrop),
            float32_states: config.float32_states,
        }
    }

    /// Encodes features `[batch, num_mel_bins, frames]` to states `[batch, frames / 2, d_model]`. It returns them and a bias that
    /// hides none of them.
    pub(super) fn forward(&self, features: Tensor<3>, mut trace: Trace) -> (Tensor<3>, Tensor<4>) {
        let dtype = if self.float32_states { DType::F32 } else { self.conv1.weight.val().dtype() };
        let x = convolved(&self.conv1, 1, features.cast(dtype));
        let x = convolved(&self.conv2, 2, x).swap_dims(1, 2);
        let x = x + self.embed_positions.weight.val().cast(dtype).unsqueeze::<3>();
        let [batch, keys, _] = x.dims();
        let bias = mask::padding(Tensor::ones([batch, keys], &x.device()), dtype);
        let x = self.dropout.forward(x);
        let x = encoded(&self.layers, &self.layerdrop, x, bias.clone(), &mut trace);
        let x = self.layer_norm.forward(x);
        trace.push(&x);
        (x, bias)
    }
}

/// The GELU of a convolution of `x` `[batch, channels, frames]`.
fn convolved(conv: &Conv1d, stride: usize, x: Tensor<3>) -> Tensor<3> {
    let dtype = x.dtype();
    let weight = conv.weight.val().cast(dtype);
    let bias = conv.bias.as_ref().map(|bias| bias.val().cast(dtype));
    let options = ConvOptions::new([stride], [KERNEL / 2], [1], 1);
    Activation::Gelu.forward(module::conv1d(x, weight, bias, options))
}
