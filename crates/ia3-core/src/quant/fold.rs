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
    stored.scaled(&l).into_tensor(&weight.device())
}

/// Scales a quantised weight on both sides and quantises the result again. It returns the weight and the relative error of
/// quantising it again.
pub(crate) fn requantize<const D: usize>(
    weight: Tensor<D>,
    input: Option<Tensor<1>>,
    output: Option<Tensor<1>>,
) -> (Tensor<D>, f64) {
    let DType::QFloat(scheme) = weight.dtype() else { return (scale_weight(weight, input, output), 0.0) };
    let exact = scale_weight(weight.dequantize(), input, output);
    quantize_as(exact, scheme)
}
