//! Checking and reading a quantised weight.

use ia3_core::{Bits, QuantizationError, QuantizedWeight};
use safetensors::Dtype;

use super::names::{dtype, integers, scales, shape};
use super::nibbles::unpack;
use crate::checkpoint::CheckpointError;
use crate::checkpoint::open::Checkpoint;

/// Checks the two tensors of the weight `name` of shape `[d_out, d_in]`.
pub(crate) fn check(
    file: &Checkpoint,
    name: &str,
    bits: Bits,
    weight: [usize; 2],
) -> Result<(), CheckpointError> {
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
    })
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

/// Reads the weight `name` of shape `[d_out, d_in]`, whose tensors have passed [`check`].
pub(crate) fn read(
    file: &Checkpoint,
    name: &str,
    bits: Bits,
    weight: [usize; 2],
) -> Result<QuantizedWeight, CheckpointError> {
    let tensor = integers(name, bits);
    let (source, entry) = file.stored().entry(&tensor)?;
    let mut bytes = source.bytes(&tensor, entry)?;
    if bits == Bits::Four {
        bytes = bytes.chunks(weight[1].div_ceil(2)).flat_map(|row| unpack(row, weight[1])).collect();
    }
    let values = bytes.into_iter().map(u8::cast_signed).collect();
    let (scales_file, scales_entry) = file.stored().entry(&scales(name))?;
    let scales = scales_file.read_f32(&scales(name), scales_entry)?;
    QuantizedWeight::new(bits, weight, values, scales).map_err(|source| problem(file, name, bits, source))
}

/// The error for integers of the weight `name` that cannot be used.
pub(crate) fn problem(
    file: &Checkpoint,
    name: &str,
    bits: Bits,
    source: QuantizationError,
) -> CheckpointError {
    let (path, tensor) = (file.path().to_owned(), integers(name, bits));
    CheckpointError::QuantizedWeight { path, tensor, source: Box::new(source) }
}
