use burn::module::Param;
use burn::nn::conv::{Conv2d, Conv3d};
use burn::tensor::Tensor;
use ia3_config::Placement;

use crate::broadcast::times;
use crate::factor::{assert_rows, factor, touch};

/// The axis of the channels in the input and the output of a convolution.
const CHANNELS: usize = 1;

/// The forward of a convolution that may carry (IA)³ vectors, evaluated in activation space: burn's [`Conv2d`]
/// (`D` = 4) and [`Conv3d`] (`D` = 5).
pub trait Ia3ConvForward<const D: usize> {
    /// Computes `(conv(x ⊙ l_in) + b) ⊙ l_out` with the attached vectors along the channels (PEFT's `_ConvNd.forward` in
    /// `tuners/ia3/layer.py`). Without vectors, it is the layer's own `forward`.
    ///
    /// Stride, padding, dilation and groups are those of the layer. The stored weight is used, so no scaled copy of it is made
    /// and no gradient of it is computed. On a bf16 or f16 base, the products with `l` are computed in float32 and cast back,
    /// as PEFT does.
    ///
    /// # Shapes
    ///
    /// - `x`: `[batch, channels_in, height, width]`, or `[batch, channels_in, depth, height, width]`
    /// - returns the same with `channels_out`
    ///
    /// # Panics
    ///
    /// Panics if the second axis of `x` is not `channels_in`, if the first axis is not the number of rows that have their own
    /// adapters ([`attach_rows`](crate::attach_rows)), or if the layer's own `forward` panics.
    ///
    /// ```
    /// use burn::{nn::conv::Conv2dConfig, tensor::{Device, Tensor}};
    /// use ia3_core::Ia3ConvForward;
    ///
    /// let device = Device::flex();
    /// let layer = Conv2dConfig::new([4, 6], [3, 3]).with_groups(2).init(&device);
    /// let y = layer.ia3_forward(Tensor::ones([1, 4, 8, 8], &device));
    /// assert_eq!(y.dims(), [1, 6, 6, 6]);
    /// ```
    fn ia3_forward(&self, x: Tensor<D>) -> Tensor<D>;
}

impl Ia3ConvForward<4> for Conv2d {
    fn ia3_forward(&self, x: Tensor<4>) -> Tensor<4> {
        let forward = |x, weight| Conv2d { weight, ..self.clone() }.forward(x);
        around(&self.weight, self.groups, x, forward)
    }
}

impl Ia3ConvForward<5> for Conv3d {
    fn ia3_forward(&self, x: Tensor<5>) -> Tensor<5> {
        let forward = |x, weight| Conv3d { weight, ..self.clone() }.forward(x);
        around(&self.weight, self.groups, x, forward)
    }
}

/// Calls `forward` with the stored weight, and multiplies its input and output with the vectors that `weight` carries.
fn around<const D: usize>(
    weight: &Param<Tensor<D>>,
    groups: usize,
    x: Tensor<D>,
    forward: impl FnOnce(Tensor<D>, Param<Tensor<D>>) -> Tensor<D>,
) -> Tensor<D> {
    touch(weight);
    let input = factor(weight, Placement::Input, CHANNELS);
    let output = factor(weight, Placement::Output, CHANNELS);
    if input.is_none() && output.is_none() {
        return forward(x, weight.clone());
    }
    let stored = Param::initialized(weight.id, weight.base());
    let (channels, found) = (weight.lazy_shape()[CHANNELS] * groups, x.dims()[CHANNELS]);
    // Without this check, the product with a vector would broadcast an input with a single channel.
    assert_eq!(found, channels, "a convolution of {channels} input channels got {found}");
    assert_rows(weight, &x);
    times(forward(times(x, input), stored), output)
}
