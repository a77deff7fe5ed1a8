//! `adapter_model.bin`, which `save_pretrained(safe_serialization=False)` of PEFT writes.

use std::path::Path;

use ia3_torch::TorchFile;

use crate::adapter::AdapterFileError;
use crate::safetensors::decode_f32;

/// The name of weights of PyTorch in an adapter folder.
pub const BIN: &str = "adapter_model.bin";

/// Whether a file has that name.
pub(crate) fn is_bin(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == BIN)
}

/// A key with the shape and the values of its tensor.
type Keyed = (String, Vec<usize>, Vec<f32>);

/// The tensors of such a file by key, each with its shape and its values as float32.
pub(crate) fn read_bin(path: &Path) -> Result<Vec<Keyed>, AdapterFileError> {
    let mut file = TorchFile::open(path)?;
    let keys = file.keys().cloned().collect();
    let tensors = file.read(&keys)?.into_iter();
    Ok(tensors.map(|(key, tensor)| (key, tensor.shape, decode_f32(tensor.dtype, &tensor.bytes))).collect())
}
