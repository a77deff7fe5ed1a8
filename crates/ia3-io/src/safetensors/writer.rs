//! Writing a safetensors file, tensor by tensor.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};

use safetensors::Dtype;
use safetensors::tensor::TensorInfo;
use serde::Serialize;

/// Writes the values of a tensor in little-endian order.
pub type WriteValues<'a> = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + 'a>;

/// A tensor to write.
pub struct Source<'a> {
    /// Its name.
    pub name: String,
    /// The dtype of its values.
    pub dtype: Dtype,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Writes its values, as many as the shape has.
    pub write: WriteValues<'a>,
}

impl fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, dtype, shape, .. } = self;
        f.debug_struct("Source")
            .field("name", name)
            .field("dtype", dtype)
            .field("shape", shape)
            .finish_non_exhaustive()
    }
}

impl Source<'_> {
    pub(crate) fn bytes(&self) -> usize {
        self.shape.iter().product::<usize>() * self.dtype.bitsize() / 8
    }
}

/// Writes a file as the reference implementation does: tensors are sorted by dtype, the widest first, then by name; the
/// header is padded with spaces to a multiple of 8 bytes.
///
/// # Errors
///
/// Those of `out` and of the tensors.
pub fn write_file(
    out: &mut dyn Write,
    mut tensors: Vec<Source>,
    metadata: &BTreeMap<String, String>,
) -> io::Result<()> {
    tensors.sort_by(|a, b| b.dtype.cmp(&a.dtype).then_with(|| a.name.cmp(&b.name)));
    let mut start = 0;
    let infos = tensors.iter().map(|tensor| {
        let data_offsets = (start, start + tensor.bytes());
        start = data_offsets.1;
        let info = TensorInfo { dtype: tensor.dtype, shape: tensor.shape.clone(), data_offsets };
        (tensor.name.as_str(), info)
    });
    out.write_all(&header(infos, metadata)?)?;
    tensors.into_iter().try_for_each(|tensor| (tensor.write)(out))
}

/// The header of a file with these tensors and its length before it.
pub(crate) fn header<'a>(
    infos: impl Iterator<Item = (&'a str, TensorInfo)>,
    metadata: &BTreeMap<String, String>,
) -> io::Result<Vec<u8>> {
    let mut json = vec![0; 8];
    json.extend(b"{\"__metadata__\":");
    append(&mut json, metadata)?;
    for (name, info) in infos {
        json.push(b',');
        append(&mut json, &name)?;
        json.push(b':');
        append(&mut json, &info)?;
    }
    json.push(b'}');
    json.resize(json.len().next_multiple_of(8), b' ');
    let length = json.len() as u64 - 8;
    json[..8].copy_from_slice(&length.to_le_bytes());
    Ok(json)
}

fn append(json: &mut Vec<u8>, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(json, value).map_err(io::Error::from)
}

/// The metadata that PyTorch's readers require.
pub fn pytorch_metadata() -> BTreeMap<String, String> {
    BTreeMap::from([("format".to_string(), "pt".to_string())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::tensor::{TensorView, serialize};

    #[test]
    fn the_bytes_are_those_of_the_reference_implementation() {
        let data = [7u8; 24];
        let tensors =
            [("b", Dtype::F16, vec![3, 2]), ("c", Dtype::F32, vec![2]), ("a", Dtype::F32, vec![1, 3])];
        let source = |(name, dtype, shape): &(&str, Dtype, Vec<usize>)| Source {
            name: name.to_string(),
            dtype: *dtype,
            shape: shape.clone(),
            write: {
                let n = shape.iter().product::<usize>() * dtype.bitsize() / 8;
                Box::new(move |out| out.write_all(&data[..n]))
            },
        };
        let mut written = Vec::new();
        write_file(&mut written, tensors.iter().map(source).collect(), &pytorch_metadata()).unwrap();
        let view = |(name, dtype, shape): (&'static str, Dtype, Vec<usize>)| {
            let n = shape.iter().product::<usize>() * dtype.bitsize() / 8;
            (name, TensorView::new(dtype, shape, &data[..n]).unwrap())
        };
        let metadata = pytorch_metadata().into_iter().collect();
        assert_eq!(written, serialize(tensors.map(view), Some(metadata)).unwrap());
    }
}
