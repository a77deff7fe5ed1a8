//! Plain safetensors files, such as the inputs and outputs of a model.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{DType, TensorData};
use safetensors::Dtype;

use crate::fs;
use crate::safetensors::SafetensorsError;
use crate::safetensors::entry::Entry;
use crate::safetensors::tensor_file::TensorFile;
use crate::safetensors::writer::{self, Source};

/// Reads the tensors of `names` that a safetensors file holds: floats as float32, float16 or bfloat16, integers as int64.
/// Names that the file does not hold are left out.
///
/// # Errors
///
/// The errors of a damaged file, and [`SafetensorsError::TensorDtype`] for any other dtype.
pub fn read_tensors(
    path: impl AsRef<Path>,
    names: &[&str],
) -> Result<BTreeMap<String, TensorData>, SafetensorsError> {
    let file = TensorFile::open(path.as_ref())?;
    let wanted = file.tensors.iter().filter(|(name, _)| names.contains(&name.as_str()));
    wanted.map(|(name, entry)| Ok((name.clone(), read(&file, name, entry)?))).collect()
}

fn read(file: &TensorFile, name: &str, entry: &Entry) -> Result<TensorData, SafetensorsError> {
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
) -> Result<TensorData, SafetensorsError> {
    let mut values = vec![];
    file.for_each_chunk(entry, N << 16, |bytes| {
        values.extend(bytes.as_chunks().0.iter().map(|b| value(*b)))
    })?;
    Ok(TensorData::new(values, entry.shape.clone()))
}

/// Writes float32 and int64 tensors as a safetensors file, which is complete or absent whatever interrupts the write.
///
/// # Errors
///
/// [`SafetensorsError::File`] if the file cannot be written.
pub fn write_tensors(
    path: impl AsRef<Path>,
    tensors: &[(&str, &TensorData)],
) -> Result<(), SafetensorsError> {
    let sources = tensors.iter().map(|(name, data)| source(name, data)).collect();
    fs::write_file_with(path, |out| writer::write_file(out, sources, &writer::pytorch_metadata()))?;
    Ok(())
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
