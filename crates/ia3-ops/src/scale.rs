use burn::tensor::Tensor;

/// `x ⊙ l`, where `l` is broadcast over the axes along which it has one element.
///
/// On `flex` this is one pass over `x` if `l` is a vector along the last axis, either one for all rows or one per element of
/// the first axis, or if `x` is a matrix and `l` has a number for each of its rows. `x` is kept only if `l` needs a gradient. A matrix
/// that is a transposed view stays one.
///
/// # Shapes
///
/// - `x`: `[batch, .., d]`
/// - `l`: `[1, .., 1, d]`, `[batch, 1, .., 1, d]` or, for a matrix, `[batch, 1]` for the kernel; any shape that broadcasts to that of `x` otherwise
/// - returns the shape of `x`
///
/// # Panics
///
/// Panics if `l` cannot be broadcast to `x`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
///
/// let device = Device::flex();
/// let l = Tensor::<2>::from_floats([[2.0, 3.0]], &device);
/// let y = ia3_ops::scale(Tensor::ones([2, 2], &device), l);
/// assert_eq!(y.into_data().to_vec::<f32>().unwrap(), [2.0, 3.0, 2.0, 3.0]);
/// ```
pub fn scale<const D: usize>(x: Tensor<D>, l: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if crate::on_flex(&x) && crate::on_flex(&l) {
        if is_by_row(x.dims(), l.dims()) {
            return fast(x, l);
        }
        if has_a_number_for_each_row(x.dims(), l.dims()) {
            return fast(x.swap_dims(0, 1), l.swap_dims(0, 1)).swap_dims(0, 1);
        }
    }
    x * l
}

#[cfg(feature = "flex")]
fn fast<const D: usize>(x: Tensor<D>, l: Tensor<D>) -> Tensor<D> {
    use crate::flex::FastOps;
    Tensor::from_dispatch(burn::backend::Dispatch::fast_scale(x.into_dispatch(), l.into_dispatch()))
}

/// Whether `x` is a matrix and `l` has a number for each of its rows.
#[cfg(feature = "flex")]
fn has_a_number_for_each_row<const D: usize>(x: [usize; D], l: [usize; D]) -> bool {
    D == 2 && x.iter().all(|&n| n > 0) && l[..] == [x[0], 1]
}

/// Whether `l` is one vector along the last axis for all rows, or one per element of the first axis.
#[cfg(feature = "flex")]
fn is_by_row<const D: usize>(x: [usize; D], l: [usize; D]) -> bool {
    let last = D - 1;
    let inner = |axis: usize| l[axis] == 1;
    let first = D == 1 || l[0] == 1 || l[0] == x[0];
    x.iter().all(|&n| n > 0) && x[last] == l[last] && first && (1..last).all(inner)
}
