//! Images as tokens: each patch of an image is projected to a hidden state.

use burn::nn::Initializer;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::{DType, Device, Tensor};
use ia3_core::Ia3ConvForward;

use crate::layers::normal;

/// The projection of patches `[channels, height, width]` to `d` features: a convolution whose stride is its kernel.
pub(crate) fn projection(
    channels: usize,
    patch: [usize; 2],
    d: usize,
    bias: bool,
    std: f64,
    device: &Device,
) -> Conv2d {
    let conv = Conv2dConfig::new([channels, d], patch).with_stride(patch).with_bias(false);
    let conv = conv.with_initializer(normal(std)).init(device);
    Conv2d { bias: bias.then(|| Initializer::Zeros.init([d], device)), ..conv }
}

/// Computes the states `[batch, patches, d]` of images `[batch, channels, height, width]`, row after row of patches. They have
/// the dtype of the weights, or are float32 with `float32_states`.
pub(crate) fn embed_patches(projection: &Conv2d, pixels: Tensor<4>, float32_states: bool) -> Tensor<3> {
    let stored = projection.weight.base().dtype();
    let dtype = if float32_states { DType::F32 } else { stored };
    let x = pixels.cast(dtype);
    let x = match dtype == stored {
        true => projection.ia3_forward(x),
        false => widened(projection, dtype).ia3_forward(x),
    };
    x.flatten::<3>(2, 3).swap_dims(1, 2)
}

/// The same layer with weights of another dtype.
fn widened(layer: &Conv2d, dtype: DType) -> Conv2d {
    let layer = layer.clone();
    let bias = layer.bias.map(|bias| bias.map(|bias| bias.cast(dtype)));
    Conv2d { weight: layer.weight.map(|weight| weight.cast(dtype)), bias, ..layer }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Distribution, Tolerance};

    /// A convolution whose stride is its kernel is a matrix product with each patch.
    #[test]
    fn patches_are_read_row_by_row() {
        let device = Device::flex();
        let layer = projection(2, [2, 3], 5, true, 1.0, &device);
        let pixels = Tensor::<4>::random([1, 2, 4, 9], Distribution::Normal(0.0, 1.0), &device);
        let states = embed_patches(&layer, pixels.clone(), false);
        assert_eq!(states.dims(), [1, 6, 5]);
        let patch = pixels.slice([0..1, 0..2, 2..4, 3..6]).reshape([1, 12]);
        let expected = patch.matmul(layer.weight.val().reshape([5, 12]).transpose());
        let fifth = states.slice([0..1, 4..5, 0..5]).reshape([1, 5]);
        fifth.into_data().assert_approx_eq::<f32>(&expected.into_data(), Tolerance::absolute(1e-5));
    }
}
