//! Plain safetensors files: the inputs and outputs of a model.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{DType, TensorData};
use safetensors::Dtype;

use crate::error::IoError;
use crate::stage::Stage;
use crate::tensor_file::{Entry, TensorFile};
use crate::write::{self, Source};

/// Reads those of `names` that a safetensors file holds: floats as float32, float16 or bfloat16, integers as int64.
///
/// # Errors
///
/// The errors of a damaged file; [`IoError::TensorDtype`] for a dtype beyond those.
pub fn read_tensors(path: impl AsRef<Path>, names: &[&str]) -> Result<BTreeMap<String, TensorData>, IoError> {
    let file = TensorFile::open(path.as_ref())?;
    let wanted = file.tensors.iter().filter(|(name, _)| names.contains(&name.as_str()));
    wanted.map(|(name, entry)| Ok((name.clone(), read(&file, name, entry)?))).collect()
}

fn read(file: &TensorFile, name: &str, entry: &Entry) -> Result<TensorData, IoError> {
    match entry.dtype {
        Dtype::I64 => integers(file, entry, i64::from_le_bytes),
        Dtype::I32 => integers(file, entry, |b| i32::from_le_bytes(b).into()),
        Dtype::U8 | Dtype::BOOL => integers(file, entry, |b: [u8; 1]| b[0].into()),
        _ => file.read(name, entry, entry.float_dtype(), false),
    }
}

fn integers<const N: usize>(
    file: &TensorFile,
    entry: &Entry,
    value: fn([u8; N]) -> i64,
) -> Result<TensorData, IoError> {
    let mut values = vec![];
    file.for_each_chunk(entry, N << 16, |bytes| {
        values.extend(bytes.as_chunks().0.iter().map(|b| value(*b)))
    })?;
    Ok(TensorData::new(values, entry.shape.clone()))
}

/// Writes float32 and int64 tensors as a safetensors file, whole or not at all.
///
/// # Errors
///
/// [`IoError::Io`] where the file cannot be written.
pub fn write_tensors(path: impl AsRef<Path>, tensors: &[(&str, &TensorData)]) -> Result<(), IoError> {
    let sources = tensors.iter().map(|(name, data)| source(name, data)).collect();
    let (mut stage, name) = Stage::beside(path.as_ref())?;
    stage.file(&name, |out| write::write_tensors(out, sources, &write::pytorch_metadata()))?;
    stage.commit().map(|_| ())
}

fn source<'a>(name: &str, data: &'a TensorData) -> Source<'a> {
    let (name, shape) = (name.to_string(), data.shape().to_vec());
    match data.dtype() {
        DType::I64 => Source {
            name,
            shape,
            dtype: Dtype::I64,
            write: Box::new(|out| data.iter::<i64>().try_for_each(|v| out.write_all(&v.to_le_bytes()))),
        },
        _ => Source {
            name,
            shape,
            dtype: Dtype::F32,
            write: Box::new(|out| data.iter::<f32>().try_for_each(|v| out.write_all(&v.to_le_bytes()))),
        },
    }
}
