use burn::tensor::quantization::QuantScheme;
use burn::tensor::{DType, Tensor};

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
    if crate::on_flex(&weight) && crate::flex::quantized::makes(*scheme, weight.dims().as_slice()) {
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

/// A quantised weight that is multiplied in integers where that is possible: [`matmul_quantized`] then quantises a few rows
/// of `x` too, to eight bits with one scale per block of inputs of the weight, and sums up products of integers. This reads
/// less memory than the exact product and computes less; the result differs from it by at most half a step of the integers
/// of `x` times the weight's magnitudes. With more rows, and on a device with autodiff, the product is that of the floats.
///
/// On `flex` a weight of four bits is stored in half a byte per element. Only [`matmul_quantized`] and
/// [`with_float_products`] can read such a weight; operations of burn panic. On other backends, for other schemes, and for
/// floats the weight is returned as it is.
///
/// # Shapes
///
/// - `weight`: `[d_in, d_out]`
/// - returns the same
pub fn with_integer_products<const D: usize>(weight: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    return to_store(weight, crate::flex::quantized::FAST);
    #[cfg(not(feature = "flex"))]
    weight
}

/// The inverse of [`with_integer_products`]: a weight that burn's operations can read.
///
/// # Shapes
///
/// - `weight`: `[d_in, d_out]`
/// - returns the same
pub fn with_float_products<const D: usize>(weight: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    return to_store(weight, burn::tensor::quantization::QuantStore::Native);
    #[cfg(not(feature = "flex"))]
    weight
}

/// Whether the weight was made by [`with_integer_products`].
pub fn has_integer_products<const D: usize>(weight: &Tensor<D>) -> bool {
    #[cfg(feature = "flex")]
    return matches!(weight.dtype(), DType::QFloat(scheme) if scheme.store == crate::flex::quantized::FAST);
    #[cfg(not(feature = "flex"))]
    false
}

#[cfg(feature = "flex")]
fn to_store<const D: usize>(weight: Tensor<D>, store: burn::tensor::quantization::QuantStore) -> Tensor<D> {
    use crate::flex::FastOps;
    use burn::backend::DispatchDevice;
    let device = weight.device().without_autodiff();
    match (weight.dtype(), device.as_dispatch()) {
        (DType::QFloat(scheme), DispatchDevice::Flex(_))
            if scheme.store != store
                && crate::flex::quantized::has_stores(scheme, weight.dims().as_slice()) =>
        {
            Tensor::from_dispatch(burn::backend::Dispatch::fast_to_store(weight.into_dispatch(), store))
        }
        _ => weight,
    }
}
