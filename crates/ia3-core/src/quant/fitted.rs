//! Quantising the floats of a weight whose blocks have minima.

use burn::tensor::Tensor;

use super::Bits;
use super::layout::QuantizedLayout;
use super::stored::QuantizedWeight;
use crate::quantization_error::QuantizationError;

/// Quantises a weight `[d_in, d_out]` in a layout with minima, so that the integers of each block reach from its smallest to its
/// largest value. Returns the relative error too.
pub(super) fn fitted<const D: usize>(
    layout: QuantizedLayout,
    floats: Tensor<D>,
) -> Result<(Tensor<D>, f64), QuantizationError> {
    let QuantizedLayout { bits, shape, block, .. } = layout;
    let device = floats.device();
    let rows: Vec<f32> = floats.transpose().into_data().iter().collect();
    let blocks = rows.len() / block;
    let (mut scales, mut minima) = (Vec::with_capacity(blocks), Vec::with_capacity(blocks));
    let (mut integers, mut off, mut norm) = (Vec::with_capacity(rows.len()), 0.0, 0.0);
    for values in rows.chunks_exact(block) {
        let (scale, minimum) = line(bits, values);
        for value in values {
            let (integer, error) = nearest(bits, *value, scale, minimum);
            integers.push(integer);
            off += error * error;
            norm += f64::from(*value) * f64::from(*value);
        }
        scales.push(scale);
        minima.push(minimum);
    }
    let weight = QuantizedWeight::with_full_range(bits, shape, integers, scales)?.with_minima(minima)?;
    Ok((weight.into_tensor(&device)?, off.sqrt() / norm.sqrt().max(f64::MIN_POSITIVE)))
}

/// The scale and the minimum with which the smallest integer is the smallest value, and the largest one the largest.
fn line(bits: Bits, values: &[f32]) -> (f32, f32) {
    let (low, high) = values.iter().fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
    let smallest = -f32::from(bits.largest()) - 1.0;
    let scale = (high - low) / (f32::from(bits.largest()) - smallest);
    (scale, low - smallest * scale)
}

/// The nearest integer to a value, and how far its float is from the value.
fn nearest(bits: Bits, value: f32, scale: f32, minimum: f32) -> (i8, f64) {
    let largest = f32::from(bits.largest());
    // A scale of 0 makes this not a number, which becomes 0.
    let integer = ((value - minimum) / scale).round().clamp(-largest - 1.0, largest) as i8;
    let float = f64::from(f32::from(integer) * scale + minimum);
    (integer, float - f64::from(value))
}
