//! Files of `torch.save`: a dictionary of tensors, read without running anything, and written.

mod archive;
mod machine;
mod pickle;
mod problem;
mod tensor;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

pub use problem::{PickleProblem, TorchProblem};
pub(crate) use write::{TorchTensor, write_torch};

use crate::adapter_file::FileVector;
use crate::error::IoError;
use archive::Archive;
use tensor::{TensorRef, Window, decode};

/// A tensor and where it lies.
struct Located {
    key: String,
    window: Window,
}

/// A file of `torch.save` whose pickle is read and whose tensors are not.
pub(crate) struct TorchFile {
    archive: Archive,
    /// The tensors by key; `None` for a value that is none.
    pub(crate) tensors: BTreeMap<String, Option<Rc<TensorRef>>>,
}

impl TorchFile {
    pub(crate) fn open(path: &Path) -> Result<Self, IoError> {
        let mut archive = Archive::open(path)?;
        let read = pickle::read(&archive.pickle()?);
        let listed = read.map_err(|(at, problem)| IoError::Pickle { path: path.to_owned(), at, problem })?;
        let mut tensors = BTreeMap::new();
        for (key, tensor) in listed {
            if tensors.contains_key(&*key) {
                return Err(IoError::DuplicateKey { path: path.to_owned(), key: key.to_string() });
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
    /// Each storage is read once, and all of them together have no more bytes than the file.
    pub(crate) fn read(&mut self, keys: &BTreeSet<String>) -> Result<BTreeMap<String, FileVector>, IoError> {
        let mut vectors = BTreeMap::new();
        for (storage, windows) in self.windows(keys)? {
            for Located { key, window } in windows {
                let bytes = self.archive.storage(&storage, window.storage_bytes, &key)?;
                let bytes = bytes.get(window.bytes).unwrap_or_default();
                let values = decode(window.dtype, bytes);
                vectors.insert(key, FileVector { shape: window.shape, values });
            }
        }
        Ok(vectors)
    }

    /// Where the tensors lie, by storage.
    fn windows(&self, keys: &BTreeSet<String>) -> Result<BTreeMap<Rc<str>, Vec<Located>>, IoError> {
        let mut storages = BTreeMap::<Rc<str>, Vec<Located>>::new();
        let [mut values, mut stored] = [self.archive.len; 2];
        for (key, tensor) in self.tensors.iter().filter(|(key, _)| keys.contains(*key)) {
            let error = |problem| torch_error(&self.archive.path, key, problem);
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

fn torch_error(path: &Path, tensor: &str, problem: TorchProblem) -> IoError {
    IoError::Torch { path: PathBuf::from(path), tensor: tensor.to_string(), problem }
}
