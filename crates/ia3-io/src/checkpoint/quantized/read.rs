//! Checking and reading a quantised weight.

use ia3_core::{Bits, QuantizationError, QuantizedWeight};
use safetensors::Dtype;

use super::names::{dtype, integers, minima, scales, shape};
use super::nibbles::unpack;
use crate::checkpoint::CheckpointError;
use crate::checkpoint::open::Checkpoint;

/// The integers of a weight in a checkpoint.
#[derive(Clone, Copy)]
pub(crate) struct Integers {
    pub(crate) bits: Bits,
    /// `[d_out, d_in]`
    pub(crate) shape: [usize; 2],
    /// The version of the format.
    pub(crate) version: u64,
    /// Whether there is a tensor of minima.
    pub(crate) minima: bool,
}

impl Integers {
    /// The names of the tensors of the weight `name`.
    pub(crate) fn tensors(&self, name: &str) -> Vec<String> {
        let minima = self.minima.then(|| minima(name));
        [integers(name, self.bits), scales(name)].into_iter().chain(minima).collect()
    }
}

/// Checks the tensors of the weight `name`.
pub(crate) fn check(file: &Checkpoint, name: &str, of: Integers) -> Result<(), CheckpointError> {
    let Integers { bits, shape: weight, .. } = of;
    let [outputs, inputs] = weight;
    let expected = (dtype(bits), shape(bits, weight));
    expect(
        file,
        &integers(name, bits),
        |dtype, shape| (dtype, shape) == (expected.0, &expected.1),
        || format!("{} {:?}", expected.0, expected.1),
    )?;
    let divides = |blocks: usize| blocks > 0 && inputs.is_multiple_of(blocks) && inputs / blocks <= 255;
    let fits = |dtype, shape: &[usize]| {
        dtype == Dtype::F32 && matches!(*shape, [rows, blocks] if rows == outputs && divides(blocks))
    };
    expect(file, &scales(name), fits, || {
        format!(
            "F32 [{outputs}, n] with a scale for each of n equal blocks of the {inputs} inputs, 255 at most in each"
        )
    })?;
    if !of.minima {
        return Ok(());
    }
    let like = file.stored().entry(&scales(name))?.1.shape.clone();
    let is_like = |dtype, shape: &[usize]| dtype == Dtype::F32 && shape == like;
    expect(file, &minima(name), is_like, || format!("F32 {like:?} with a minimum for each scale"))
}

fn expect(
    file: &Checkpoint,
    name: &str,
    fits: impl Fn(Dtype, &[usize]) -> bool,
    expected: impl Fn() -> String,
) -> Result<(), CheckpointError> {
    let (source, entry) = file.stored().entry(name)?;
    if fits(entry.dtype, &entry.shape) {
        return Ok(());
    }
    Err(CheckpointError::QuantizedTensor {
        path: source.path.clone(),
        tensor: name.to_string(),
        dtype: entry.dtype,
        shape: entry.shape.clone(),
        expected: expected(),
    })
}

/// Reads the weight `name`, whose tensors have passed [`check`].
pub(crate) fn read(file: &Checkpoint, name: &str, of: Integers) -> Result<QuantizedWeight, CheckpointError> {
    let Integers { bits, shape, version, .. } = of;
    let tensor = integers(name, bits);
    let (source, entry) = file.stored().entry(&tensor)?;
    let mut bytes = source.bytes(&tensor, entry)?;
    if bits == Bits::Four {
        bytes = bytes.chunks(shape[1].div_ceil(2)).flat_map(|row| unpack(row, shape[1])).collect();
    }
    let values = bytes.into_iter().map(u8::cast_signed).collect();
    let floats = |name: &str| -> Result<Vec<f32>, CheckpointError> {
        let (source, entry) = file.stored().entry(name)?;
        Ok(source.read_f32(name, entry)?)
    };
    let new = if version == 1 { QuantizedWeight::new } else { QuantizedWeight::with_full_range };
    let weight = new(bits, shape, values, floats(&scales(name))?);
    let weight = match of.minima {
        false => weight,
        true => {
            let minima = floats(&minima(name))?;
            weight.and_then(|weight| weight.with_minima(minima))
        }
    };
    weight.map_err(|source| problem(file, &tensor, source))
}

/// The error for integers in `tensor` that cannot be used.
pub(crate) fn problem(file: &Checkpoint, tensor: &str, source: QuantizationError) -> CheckpointError {
    let (path, tensor) = (file.path().to_owned(), tensor.to_string());
    CheckpointError::QuantizedWeight { path, tensor, source: Box::new(source) }
}
