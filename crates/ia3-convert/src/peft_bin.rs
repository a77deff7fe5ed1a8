//! PEFT's folder with `adapter_model.bin`, which `save_pretrained(safe_serialization=False)` writes.

use std::path::Path;

use burn::tensor::TensorData;
use ia3_io::AdapterFile;
use ia3_io::adapter::{CONFIG, WEIGHTS, read_config};

use crate::error::ConvertError;
use crate::torch::TorchFile;

const BIN: &str = "adapter_model.bin";

/// Whether the path is such a folder, or the pickle in it. As in PEFT, a safetensors file in the folder has precedence.
pub(crate) fn is_there(path: &Path) -> bool {
    match path.is_dir() {
        true => path.join(CONFIG).exists() && path.join(BIN).exists() && !path.join(WEIGHTS).exists(),
        false => path.file_name().is_some_and(|name| name == BIN) && path.with_file_name(CONFIG).exists(),
    }
}

/// Reads the folder; parameters saved whole become float32.
pub(crate) fn read(dir: &Path) -> Result<AdapterFile, ConvertError> {
    let path = dir.join(BIN);
    let config = read_config(&dir.join(CONFIG))?;
    let mut file = TorchFile::open(&path)?;
    let mut adapter = AdapterFile::empty(path, config);
    for (key, tensor) in file.read(&file.tensors.keys().cloned().collect())? {
        let data = || Ok(TensorData::new(tensor.values.clone(), tensor.shape.clone()));
        adapter.insert_tensor(&key, &tensor.shape, || Ok(tensor.values.clone()), data)?;
    }
    Ok(adapter)
}
