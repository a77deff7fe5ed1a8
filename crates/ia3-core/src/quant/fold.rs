use burn::tensor::quantization::{QuantScheme, QuantizedBytes, ScaleDtype};
use burn::tensor::{DType, Tensor, TensorData};

use super::relative_error;
use crate::error::Ia3Error;
use crate::scale::scale_weight;

/// A quantised weight `[d_in, d_out]` scaled along its outputs: exactly, in the scales, a sign in the integers.
///
/// # Errors
///
/// [`Ia3Error::SharedScales`] where one scale serves several outputs.
pub(crate) fn fold_output<const D: usize>(
    path: &str,
    weight: Tensor<D>,
    l: Tensor<1>,
) -> Result<Tensor<D>, Ia3Error> {
    let (device, DType::QFloat(scheme)) = (weight.device(), weight.dtype()) else { return Ok(weight) };
    let shape = weight.dims();
    let Some(block) = block_of(scheme, shape) else {
        return Err(Ia3Error::SharedScales { path: path.into() });
    };
    let bytes = QuantizedBytes { bytes: weight.into_data().into_bytes(), scheme, shape: shape.into() };
    let (mut values, scales) = bytes.into_vec_i8();
    let (outputs, l): (usize, Vec<f32>) = (shape[1], l.into_data().iter().collect());
    for (i, value) in values.iter_mut().enumerate() {
        // The integers are symmetric around 0, so a sign is exact; where the product is 0, so are they.
        *value *= sign(l[i % outputs]);
    }
    let scales: Vec<f32> =
        scales.block.iter().enumerate().map(|(i, scale)| scale * l[i % outputs].abs()).collect();
    debug_assert_eq!(scales.len() * block, values.len());
    let data = TensorData::quantized(values, shape, scheme, &scales, None);
    let dtype = data.dtype();
    Ok(Tensor::from_data(data, (&device, dtype)))
}

fn sign(l: f32) -> i8 {
    if l == 0.0 { 0 } else { l.signum() as i8 }
}

/// The inputs that share a scale, where each output has its own float32 scales.
fn block_of<const D: usize>(scheme: QuantScheme, shape: [usize; D]) -> Option<usize> {
    let one_level = scheme.num_levels() == 1 && scheme.scale_dtype() == ScaleDtype::F32;
    let size = scheme.block_size().filter(|_| one_level && D == 2)?.to_dim_vec(D);
    (size[1] == 1 && shape[0].is_multiple_of(size[0].into())).then_some(size[0].into())
}

/// A quantised weight scaled on both sides and quantised anew, with the relative error that this makes.
pub(crate) fn requantize<const D: usize>(
    weight: Tensor<D>,
    input: Option<Tensor<1>>,
    output: Option<Tensor<1>>,
) -> (Tensor<D>, f64) {
    let DType::QFloat(scheme) = weight.dtype() else { return (scale_weight(weight, input, output), 0.0) };
    let exact = scale_weight(weight.dequantize(), input, output);
    let again = exact.clone().quantize_dynamic(&scheme);
    let error = relative_error(exact, again.clone());
    (again, error)
}
