use burn::tensor::Tensor;

/// `x·W` with a weight of integers, of which each block of inputs of one output has a float32 scale.
///
/// On `flex` the weight is never converted to floats as a whole, and the backward pass keeps only the integers. If `x` has a few
/// rows, as in generation, the product reads the integers directly: one byte per weight instead of four. With more rows, it
/// converts one panel of the weight at a time, and so does the gradient of `x`. On other backends, and for other schemes, this
/// is burn's own product.
///
/// # Shapes
///
/// - `x`: `[rows, d_in]`, float32
/// - `weight`: `[d_in, d_out]`, quantised, frozen
/// - returns `[rows, d_out]`, float32
///
/// # Panics
///
/// Panics if the shapes do not match each other.
pub fn matmul_quantized(x: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    let ([_, found], [d_in, _]) = (x.dims(), weight.dims());
    assert_eq!(found, d_in, "a weight of {d_in} inputs got {found}");
    #[cfg(feature = "flex")]
    if crate::on_flex(&x) && crate::flex::quantized::has_kernel(&weight) {
        use crate::flex::FastOps;
        let product =
            burn::backend::Dispatch::fast_matmul_quantized(x.into_dispatch(), weight.into_dispatch());
        return Tensor::from_dispatch(product);
    }
    x.matmul(weight)
}
