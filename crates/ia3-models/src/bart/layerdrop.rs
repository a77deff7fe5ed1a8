use burn::nn::Dropout;
use burn::tensor::{Distribution, Tensor};

use crate::layers::drops;

/// The output `y` of a block with the input `x`, or `x` where training skips the block (LayerDrop, arXiv 1909.11556). A skipped
/// block is computed all the same, so that its vectors get gradients, which are 0.
pub(crate) fn kept(layerdrop: &Dropout, x: Tensor<3>, y: Tensor<3>) -> Tensor<3> {
    let drops = drops(layerdrop, &x.device());
    let draw = || Tensor::<1>::random([1], Distribution::Uniform(0.0, 1.0), &x.device()).into_scalar::<f32>();
    match drops && f64::from(draw()) < layerdrop.prob {
        true => x.clone() + (y - x) * 0.0,
        false => y,
    }
}
