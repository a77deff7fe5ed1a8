use burn::tensor::{DType, Tensor};

use super::scheme::quantize_as;
use super::stored::QuantizedWeight;
use crate::quantization_error::QuantizationError;
use crate::scale::scale_weight;

/// Scales a quantised weight `[d_in, d_out]` along its outputs. The result is exact: the magnitude goes into the scales and
/// the sign into the integers.
///
/// # Errors
///
/// [`QuantizationError::SharedScales`] if several outputs share a scale.
pub(crate) fn fold_output<const D: usize>(
    path: &str,
    weight: Tensor<D>,
    l: Tensor<1>,
) -> Result<Tensor<D>, QuantizationError> {
    let Some(stored) = QuantizedWeight::of(&weight) else {
        return Err(QuantizationError::SharedScales { path: path.into() });
    };
    let l: Vec<f32> = l.into_data().iter().collect();
    Ok(as_before(&weight, stored.scaled(&l).into_tensor(&weight.device())?))
}

/// Scales a quantised weight on both sides and quantises the result again. It returns the weight and the relative error of
/// quantising it again.
pub(crate) fn requantize<const D: usize>(
    weight: Tensor<D>,
    input: Option<Tensor<1>>,
    output: Option<Tensor<1>>,
) -> (Tensor<D>, f64) {
    let floats = ia3_ops::with_float_products(weight.clone());
    let DType::QFloat(scheme) = floats.dtype() else { return (scale_weight(floats, input, output), 0.0) };
    let (again, error) = quantize_as(scale_weight(floats.dequantize(), input, output), scheme);
    (as_before(&weight, again), error)
}

/// The new weight, multiplied in integers if the old one was.
fn as_before<const D: usize>(old: &Tensor<D>, new: Tensor<D>) -> Tensor<D> {
    if ia3_ops::has_integer_products(old) { ia3_ops::with_integer_products(new) } else { new }
}
