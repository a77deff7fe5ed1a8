use burn::tensor::{DType, Tensor};

use super::fitted::fitted;
use super::layout::QuantizedLayout;
use super::scheme::{quantize_as, symmetric};
use super::stored::QuantizedWeight;
use crate::quantization_error::QuantizationError;
use crate::scale::scale_weight;

/// Scales a quantised weight `[d_in, d_out]` along its outputs, and along its inputs where that only changes signs or makes
/// weights zero. The result is exact: the magnitude goes into the scales and minima, and the sign into the integers.
///
/// # Errors
///
/// [`QuantizationError::InputVector`] for an input vector with another factor than 1, −1 and 0,
/// [`QuantizationError::SharedScales`] if several outputs share a scale, and [`QuantizationError::SharedMinima`] and
/// [`QuantizationError::NoOpposite`] for signs of inputs that the integers cannot take.
pub(crate) fn fold<const D: usize>(
    path: &str,
    weight: Tensor<D>,
    input: Option<Tensor<1>>,
    output: Option<Tensor<1>>,
) -> Result<Tensor<D>, QuantizationError> {
    let signs = input.map(|l| signs(path, l)).transpose()?;
    let Some(mut stored) = QuantizedWeight::of(&weight) else {
        return Err(QuantizationError::SharedScales { path: path.into() });
    };
    if let Some(l) = output {
        stored = stored.scaled(&values(l));
    }
    if let Some(signs) = signs {
        stored = stored.with_input_signs(path, &signs)?;
    }
    Ok(ia3_ops::in_form_of(&weight, stored.into_tensor(&weight.device())?))
}

/// The factors of the inputs, if all of them are 1, −1 or 0.
fn signs(path: &str, l: Tensor<1>) -> Result<Vec<i8>, QuantizationError> {
    let sign = |l: f32| match l {
        1.0 => Ok(1),
        -1.0 => Ok(-1),
        0.0 => Ok(0),
        _ => Err(QuantizationError::InputVector { path: path.into() }),
    };
    values(l).into_iter().map(sign).collect()
}

fn values(l: Tensor<1>) -> Vec<f32> {
    l.into_data().iter().collect()
}

/// Scales a quantised weight on both sides and quantises the result again. It returns the weight and the relative error of
/// quantising it again.
///
/// # Errors
///
/// The errors of making a weight on its device.
pub(crate) fn requantize<const D: usize>(
    weight: Tensor<D>,
    input: Option<Tensor<1>>,
    output: Option<Tensor<1>>,
) -> Result<(Tensor<D>, f64), QuantizationError> {
    let floats = ia3_ops::with_float_products(weight.clone()).dequantize();
    let scaled = scale_weight(floats, input, output);
    let (again, error) = match QuantizedLayout::of(&weight) {
        Some(layout) if layout.minima => fitted(layout, scaled)?,
        _ => {
            let DType::QFloat(scheme) = ia3_ops::without_minima(weight.clone()).dtype() else {
                return Ok((scaled, 0.0));
            };
            quantize_as(scaled, symmetric(scheme))
        }
    };
    Ok((ia3_ops::in_form_of(&weight, again), error))
}
