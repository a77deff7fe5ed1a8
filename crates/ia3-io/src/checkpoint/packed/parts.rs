//! The tensors of a quantised weight: their names, and whether they are as they should be.

use safetensors::Dtype;

use crate::checkpoint::CheckpointError;
use crate::checkpoint::stored_tensors::StoredTensors;
use crate::safetensors::is_float;

/// Which dtypes a tensor may have.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Exactly(Dtype),
    Float,
}

/// Checks dtype and shape of a tensor.
pub(super) fn check(
    file: &StoredTensors,
    tensor: &str,
    kind: Kind,
    shape: &[usize],
) -> Result<(), CheckpointError> {
    let (source, entry) = file.entry(tensor)?;
    let (fits, name) = match kind {
        Kind::Exactly(dtype) => (entry.dtype == dtype, dtype.to_string()),
        Kind::Float => (is_float(entry.dtype), "F16, BF16 or F32".into()),
    };
    if fits && entry.shape == shape {
        return Ok(());
    }
    Err(CheckpointError::QuantizedTensor {
        path: source.path.clone(),
        tensor: tensor.to_string(),
        dtype: entry.dtype,
        shape: entry.shape.clone(),
        expected: format!("{name} {shape:?}"),
    })
}

/// The shape of a matrix of this dtype.
pub(super) fn matrix(
    file: &StoredTensors,
    tensor: &str,
    dtype: Dtype,
) -> Result<[usize; 2], CheckpointError> {
    let (source, entry) = file.entry(tensor)?;
    match *entry.shape.as_slice() {
        [rows, columns] if entry.dtype == dtype && rows > 0 && columns > 0 => Ok([rows, columns]),
        _ => Err(CheckpointError::QuantizedTensor {
            path: source.path.clone(),
            tensor: tensor.to_string(),
            dtype: entry.dtype,
            shape: entry.shape.clone(),
            expected: format!("{dtype} with two axes"),
        }),
    }
}

/// The bytes of a tensor.
pub(super) fn bytes(file: &StoredTensors, tensor: &str) -> Result<Vec<u8>, CheckpointError> {
    let (source, entry) = file.entry(tensor)?;
    Ok(source.bytes(tensor, entry)?)
}

/// The values of a tensor of floats.
pub(super) fn floats(file: &StoredTensors, tensor: &str) -> Result<Vec<f32>, CheckpointError> {
    let (source, entry) = file.entry(tensor)?;
    Ok(source.read_f32(tensor, entry)?)
}

/// The error for a tensor whose content cannot be used.
pub(super) fn problem(file: &StoredTensors, tensor: &str, problem: impl Into<String>) -> CheckpointError {
    let path = file.entry(tensor).map_or(file.path(), |(source, _)| &source.path).to_owned();
    CheckpointError::PackedTensor { path, tensor: tensor.to_string(), problem: problem.into() }
}

/// The little-endian words of a tensor.
pub(super) fn words(bytes: &[u8]) -> Vec<u32> {
    bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect()
}

/// The number of rows of a tensor, at least one.
pub(super) fn rows(file: &StoredTensors, tensor: &str) -> Result<usize, CheckpointError> {
    Ok(file.entry(tensor)?.1.shape.first().copied().unwrap_or(0).max(1))
}
