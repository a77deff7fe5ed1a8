#[cfg(feature = "flex")]
mod backend;

use burn::tensor::Tensor;

/// `x·W` with a weight quantised to integers with float32 scales, each of a block of inputs of one output.
///
/// On `flex` the integers are read as they are where `x` has few rows, which is what generation needs: a byte instead of four
/// a weight. Of many rows panels of the weight are made float, one at a time, and for the gradient of `x` again: no copy of the
/// weight in floats is made, and nothing but the integers is kept. Elsewhere, and for other schemes, this is burn's own product.
///
/// # Shapes
///
/// - `x`: `[rows, d_in]`, float32
/// - `weight`: `[d_in, d_out]`, quantised, frozen
/// - returns `[rows, d_out]`, float32
///
/// # Panics
///
/// If the shapes do not fit.
pub fn matmul_quantized(x: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    let ([_, found], [d_in, _]) = (x.dims(), weight.dims());
    assert_eq!(found, d_in, "a weight of {d_in} inputs got {found}");
    #[cfg(feature = "flex")]
    if crate::on_flex(&x) && backend::has_kernel(&weight) {
        use backend::QuantizedOps;
        let product = burn::backend::Dispatch::quantized_product(x.into_dispatch(), weight.into_dispatch());
        return Tensor::from_dispatch(product);
    }
    x.matmul(weight)
}
