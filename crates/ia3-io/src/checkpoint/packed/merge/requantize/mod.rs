//! A quantised weight whose integers are computed anew, because its factors cannot go into the scales alone.

mod four_bit;
mod grouped;
mod int8;

use burn::tensor::DType;

use super::PackedMergeError;
use super::factors::LayerFactors;
use super::nested::Requantized;
use crate::checkpoint::packed::{Kind, PackedWeight};
use crate::checkpoint::stored_tensors::StoredTensors;

/// A weight `[d_out, d_in]` to be stored, and what is stored for it.
struct Weight {
    /// The values to be stored.
    values: Vec<f32>,
    inputs: usize,
    factors: Factors,
}

/// The factors by which the old values were multiplied.
struct Factors {
    /// One per output.
    outputs: Vec<f32>,
    /// One per input, with its sign.
    inputs: Vec<f32>,
}

/// The tensors that hold the weight times its factors.
///
/// # Errors
///
/// [`PackedMergeError::Range`] if a value or a scale leaves the range of its type; [`PackedMergeError::Checkpoint`].
pub(super) fn requantize(
    file: &StoredTensors,
    name: &str,
    packed: &PackedWeight,
    factors: &LayerFactors,
) -> Result<Requantized, PackedMergeError> {
    let factors = Factors::of(factors, packed.shape);
    let weight = scaled(file, name, packed, factors)?;
    let (tensors, stored) = match &packed.kind {
        Kind::Grouped(grouped) => grouped::store(file, grouped, &weight)?,
        Kind::Int8(int8) => int8::store(int8, &weight),
        Kind::FourBit(four_bit) => four_bit::store(file, four_bit, &weight)?,
    };
    Ok(Requantized { error: relative_error(&weight.values, &stored), tensors })
}

/// The new bytes of tensors by their names, and the values `[d_out, d_in]` that they stand for.
type Stored = (Vec<(String, Vec<u8>)>, Vec<f32>);

impl Factors {
    fn of(factors: &LayerFactors, [d_out, d_in]: [usize; 2]) -> Self {
        let outputs = factors.outputs.clone().unwrap_or_else(|| vec![1.0; d_out]);
        let mut inputs = factors.inputs.clone().unwrap_or_else(|| vec![1.0; d_in]);
        let flipped = factors.flipped.iter().flatten();
        inputs.iter_mut().zip(flipped).filter(|(_, flip)| **flip).for_each(|(factor, _)| *factor = -*factor);
        Self { outputs, inputs }
    }
}

fn scaled(
    file: &StoredTensors,
    name: &str,
    packed: &PackedWeight,
    factors: Factors,
) -> Result<Weight, PackedMergeError> {
    let inputs = packed.shape[1];
    let mut values: Vec<f32> = packed.read(file, DType::F32, false)?.iter().collect();
    for (at, value) in values.iter_mut().enumerate() {
        let (number, factor) = (*value, factors.outputs[at / inputs] * factors.inputs[at % inputs]);
        *value *= factor;
        if !value.is_finite() {
            return Err(range(name, number.into(), factor, f64::from(number) * f64::from(factor)));
        }
    }
    Ok(Weight { values, inputs, factors })
}

fn range(tensor: &str, number: f64, factor: f32, product: f64) -> PackedMergeError {
    PackedMergeError::Range { tensor: tensor.to_string(), number, factor, product }
}

/// `‖W − Wq‖ / ‖W‖`
fn relative_error(wanted: &[f32], stored: &[f32]) -> f64 {
    let square = |value: f64| value * value;
    let error: f64 = wanted.iter().zip(stored).map(|(a, b)| square(f64::from(*a) - f64::from(*b))).sum();
    let norm: f64 = wanted.iter().map(|value| square(f64::from(*value))).sum();
    if norm == 0.0 { 0.0 } else { (error / norm).sqrt() }
}

fn largest(values: impl Iterator<Item = f32>) -> f32 {
    values.map(f32::abs).fold(0.0, f32::max)
}
