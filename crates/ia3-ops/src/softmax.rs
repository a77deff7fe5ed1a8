use burn::tensor::{Tensor, activation};

/// Softmax over the last axis, `e^{x − max}/Σ e^{x − max}`.
///
/// A masked score may be `-inf` or as low as `f32::MIN`; a row of nothing but `-inf` gives NaN, as in
/// PyTorch. The backward pass keeps only the result.
///
/// # Shapes
///
/// - `x`: any; returns the same shape and dtype.
pub fn softmax_last<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if crate::on_flex(&x) {
        use crate::flex::FastOps;
        return Tensor::from_dispatch(burn::backend::Dispatch::fast_softmax(x.into_dispatch()));
    }
    activation::softmax(x, D - 1)
}
