//! A file of `torch.save`, open for reading tensor by tensor.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;

use ia3_io::FileVector;
use ia3_io::safetensors::decode_f32;

use crate::torch::archive::Archive;
use crate::torch::error::TorchError;
use crate::torch::object::TensorRef;
use crate::torch::pickle;
use crate::torch::problem::TorchProblem;
use crate::torch::tensor::Window;

/// A tensor and its place in a storage.
struct Located {
    key: String,
    window: Window,
}

/// A file of `torch.save` whose pickle is read and whose tensors are not.
pub(crate) struct TorchFile {
    archive: Archive,
    /// The tensors by key; `None` for a value that is not a tensor.
    pub(crate) tensors: BTreeMap<String, Option<Rc<TensorRef>>>,
}

impl TorchFile {
    pub(crate) fn open(path: &Path) -> Result<Self, TorchError> {
        let mut archive = Archive::open(path)?;
        let read = pickle::read(&archive.pickle()?);
        let listed =
            read.map_err(|(at, problem)| TorchError::Pickle { path: path.to_owned(), at, problem })?;
        let mut tensors = BTreeMap::new();
        for (key, tensor) in listed {
            if tensors.contains_key(&*key) {
                return Err(TorchError::DuplicateKey { path: path.to_owned(), key: key.to_string() });
            }
            tensors.insert(key.to_string(), tensor);
        }
        Ok(Self { archive, tensors })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.archive.path
    }

    /// Shapes and values of some tensors, as float32.
    ///
    /// Each storage is read once. All storages together must not have more bytes than the file.
    pub(crate) fn read(
        &mut self,
        keys: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, FileVector>, TorchError> {
        let mut vectors = BTreeMap::new();
        for (storage, windows) in self.windows(keys)? {
            for Located { key, window } in windows {
                let bytes = self.archive.storage(&storage, window.storage_bytes, &key)?;
                let bytes = bytes.get(window.bytes).unwrap_or_default();
                let values = decode_f32(window.dtype, bytes);
                vectors.insert(key, FileVector { shape: window.shape, values });
            }
        }
        Ok(vectors)
    }

    /// The places of the tensors, by storage.
    fn windows(&self, keys: &BTreeSet<String>) -> Result<BTreeMap<Rc<str>, Vec<Located>>, TorchError> {
        let mut storages = BTreeMap::<Rc<str>, Vec<Located>>::new();
        let [mut values, mut stored] = [self.archive.len; 2];
        for (key, tensor) in self.tensors.iter().filter(|(key, _)| keys.contains(*key)) {
            let error = |problem| TorchError::tensor(&self.archive.path, key, problem);
            let overlap = || error(TorchProblem::Overlap { file: self.archive.len });
            let tensor = tensor.as_ref().ok_or_else(|| error(TorchProblem::NotATensor))?;
            let window = tensor.window().map_err(error)?;
            let storage = storages.entry(tensor.storage.key.clone()).or_default();
            values = values.checked_sub(window.bytes.len() as u64).ok_or_else(overlap)?;
            if storage.is_empty() {
                stored = stored.checked_sub(window.storage_bytes as u64).ok_or_else(overlap)?;
            }
            storage.push(Located { key: key.clone(), window });
        }
        Ok(storages)
    }
}
