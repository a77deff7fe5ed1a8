//! `adapter_model.bin`, which `save_pretrained(safe_serialization=False)` of PEFT writes.

use std::path::Path;

use burn::tensor::TensorData;
use ia3_torch::TorchFile;

use crate::adapter::AdapterFileError;
use crate::adapter::file::AdapterFile;
use crate::safetensors::decode_f32;

/// The name of weights of PyTorch in an adapter folder.
pub const BIN: &str = "adapter_model.bin";

/// Whether a file has that name.
pub(crate) fn is_bin(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == BIN)
}

impl AdapterFile {
    /// Adds the tensors of a file of `torch.save`. Parameters saved whole become float32.
    pub(crate) fn read_bin(&mut self) -> Result<(), AdapterFileError> {
        let mut file = TorchFile::open(&self.path)?;
        let keys = file.keys().cloned().collect();
        for (key, tensor) in file.read(&keys)? {
            let values = || decode_f32(tensor.dtype, &tensor.bytes);
            let data = || Ok(TensorData::new(values(), tensor.shape.clone()));
            self.insert_tensor(&key, &tensor.shape, || Ok(values()), data)?;
        }
        Ok(())
    }
}
