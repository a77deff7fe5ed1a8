//! PEFT's folder with `adapter_model.bin`, as `save_pretrained(safe_serialization=False)` writes it.

use std::path::Path;

use burn::tensor::TensorData;

use crate::adapter_file::{AdapterFile, CONFIG, WEIGHTS, check_form, read_config};
use crate::error::IoError;
use crate::names::{self, Key};
use crate::torch::TorchFile;

const BIN: &str = "adapter_model.bin";

/// Whether the path is such a folder, which PEFT would read (it takes safetensors first), or its pickle.
pub(super) fn is_there(path: &Path) -> bool {
    match path.is_dir() {
        true => path.join(CONFIG).exists() && path.join(BIN).exists() && !path.join(WEIGHTS).exists(),
        false => path.file_name().is_some_and(|name| name == BIN) && path.with_file_name(CONFIG).exists(),
    }
}

/// Reads the folder; parameters saved whole become float32.
pub(super) fn read(dir: &Path) -> Result<AdapterFile, IoError> {
    let path = dir.join(BIN);
    let config = read_config(&dir.join(CONFIG))?;
    let mut file = TorchFile::open(&path)?;
    let mut adapter = AdapterFile::empty(path, config);
    for (key, tensor) in file.read(&file.tensors.keys().cloned().collect())? {
        match names::parse(&key) {
            Some(Key::Vector(module)) => {
                check_form(&adapter.path, &key, &tensor.shape)?;
                adapter.insert(&key, module, tensor)?;
            }
            Some(Key::Parameter(name)) => {
                adapter.saved.insert(name.to_string(), TensorData::new(tensor.values, tensor.shape));
            }
            None => return Err(IoError::Key { path: adapter.path, key }),
        }
    }
    Ok(adapter)
}
