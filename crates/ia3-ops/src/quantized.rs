use burn::tensor::quantization::QuantScheme;
use burn::tensor::{DType, Tensor};

/// `x·W` with a weight of integers, of which each block of inputs of one output has a float32 scale, and a minimum in some
/// weights.
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
    if crate::on_flex(&x) && crate::flex::form::form(&weight).is_some() {
        use crate::flex::FastOps;
        let product =
            burn::backend::Dispatch::fast_matmul_quantized(x.into_dispatch(), weight.into_dispatch());
        return Tensor::from_dispatch(product);
    }
    x.matmul(weight)
}

/// A weight in the integers of a symmetric scheme, and its relative error `‖W − Wq‖ / ‖W‖`.
///
/// On `flex` this reads the weight once, by all threads; a transposed weight is not copied. The integers and scales are
/// those of burn's `quantize_dynamic`, to the bit. Other backends, dtypes and schemes are left to burn.
///
/// # Shapes
///
/// - `weight`: `[d_in, d_out]`, in any float dtype
/// - returns `[d_in, d_out]`, quantised
///
/// # Panics
///
/// Panics if the scheme's blocks do not divide the weight.
pub fn quantize<const D: usize>(weight: Tensor<D>, scheme: &QuantScheme) -> (Tensor<D>, f64) {
    let weight = weight.cast(DType::F32);
    #[cfg(feature = "flex")]
    if crate::on_flex(&weight) && crate::flex::quantize::makes(*scheme, weight.dims().as_slice()) {
        use crate::flex::FastOps;
        let (made, error) = burn::backend::Dispatch::fast_quantize(weight.into_dispatch(), *scheme);
        return (Tensor::from_dispatch(made), error);
    }
    let made = weight.clone().quantize_dynamic(scheme);
    let error = relative_error(weight, made.clone());
    (made, error)
}

/// The relative error `‖a − b‖ / ‖a‖` of integers with scales.
fn relative_error<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> f64 {
    let b = b.dequantize();
    let norm = |t: Tensor<D>| f64::from(t.square().sum().into_scalar::<f32>()).sqrt();
    norm(a.clone() - b) / norm(a).max(f64::MIN_POSITIVE)
}
