use burn::tensor::quantization::{QuantScheme, QuantizedBytes, ScaleDtype};
use burn::tensor::{Bytes, DType, Tensor, TensorData};

use super::{PACKED, quantize_as, relative_error};
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
    let Some(block) = block_of(scheme, weight.dims()) else {
        return Err(Ia3Error::SharedScales { path: path.into() });
    };
    // Words that pack inputs are the stored tensor's own with the inputs innermost.
    let packed = scheme.store == PACKED;
    let stored = if packed { weight.swap_dims(0, 1) } else { weight };
    let (shape, stored_dtype) = (stored.dims(), stored.dtype());
    let DType::QFloat(scheme) = stored_dtype else { return Ok(stored) };
    let bytes = QuantizedBytes { bytes: stored.into_data().into_bytes(), scheme, shape: shape.into() };
    let (mut values, scales) = bytes.into_vec_i8();
    let l: Vec<f32> = l.into_data().iter().collect();
    let outputs = l.len();
    let output = |i: usize, of: usize| if packed { i / (of / outputs) } else { i % outputs };
    let (count, blocks) = (values.len(), scales.block.len());
    for (i, value) in values.iter_mut().enumerate() {
        // The integers are symmetric around 0, so a sign is exact; where the product is 0, so are they.
        *value *= sign(l[output(i, count)]);
    }
    let scale = |(i, scale): (usize, &f32)| scale * l[output(i, blocks)].abs();
    let scales: Vec<f32> = scales.block.iter().enumerate().map(scale).collect();
    debug_assert_eq!(scales.len() * block, values.len());
    let data = match packed {
        true => {
            TensorData::from_bytes(Bytes::from_elems(words(&values, &scales, scheme)), shape, stored_dtype)
        }
        false => TensorData::quantized(values, shape, scheme, &scales, None),
    };
    let folded = Tensor::from_data(data, (&device, stored_dtype));
    Ok(if packed { folded.swap_dims(0, 1) } else { folded })
}

/// Integers packed into words, the first in the lowest bits, and the scales behind them. burn 0.22 itself packs no fewer
/// than 8 bits here.
fn words(values: &[i8], scales: &[f32], scheme: QuantScheme) -> Vec<u32> {
    let per_word = scheme.num_quants();
    let bits = 32 / per_word;
    let mask = u32::MAX >> (32 - bits);
    let word =
        |chunk: &[i8]| chunk.iter().rev().fold(0, |word: u32, &value| (word << bits) | (value as u32 & mask));
    values.chunks(per_word).map(word).chain(scales.iter().map(|scale| scale.to_bits())).collect()
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
    let again = quantize_as(exact.clone(), scheme);
    let error = relative_error(exact, again.clone());
    (again, error)
}
