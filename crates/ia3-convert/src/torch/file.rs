//! A file of `torch.save`, open for reading tensor by tensor.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;

use ia3_io::FileVector;
use ia3_io::safetensors::decode_f32;
use safetensors::Dtype;

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

/// How many times the bytes of a file its tensors may have together. Four names of one embedding are the most that a model of
/// transformers has.
const MOST_COPIES: u64 = 8;

/// A tensor of floats in a file.
pub(crate) struct FloatTensor {
    pub(crate) key: String,
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
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

    /// The tensors of floats, and the keys of everything else.
    ///
    /// Several tensors may be one part of a storage, as tied weights are. All of them together must not have more than
    /// [`MOST_COPIES`] times as many bytes as the file.
    pub(crate) fn floats(&self) -> Result<(Vec<FloatTensor>, Vec<String>), TorchError> {
        let (mut floats, mut others) = (vec![], vec![]);
        let mut left = self.archive.len.saturating_mul(MOST_COPIES);
        for (key, tensor) in &self.tensors {
            let error = |problem| TorchError::tensor(&self.archive.path, key, problem);
            match tensor.as_ref().map(|tensor| tensor.window()) {
                None | Some(Err(TorchProblem::Dtype { .. })) => others.push(key.clone()),
                Some(Err(problem)) => return Err(error(problem)),
                Some(Ok(Window { dtype, shape, bytes, .. })) => {
                    let rest = left.checked_sub(bytes.len() as u64);
                    left = rest.ok_or_else(|| error(TorchProblem::Overlap { file: self.archive.len }))?;
                    floats.push(FloatTensor { key: key.clone(), dtype, shape });
                }
            }
        }
        Ok((floats, others))
    }

    /// Writes the bytes of a tensor of [`floats`](Self::floats).
    pub(crate) fn write(&mut self, key: &str, out: &mut dyn Write) -> io::Result<()> {
        let Some(Some(tensor)) = self.tensors.get(key).cloned() else {
            return Err(io::Error::other(format!("there is no tensor `{key}`")));
        };
        let path = self.archive.path.clone();
        let window =
            tensor.window().map_err(|problem| io::Error::other(TorchError::tensor(&path, key, problem)))?;
        let bytes = self.archive.storage(&tensor.storage.key, window.storage_bytes, key);
        out.write_all(bytes.map_err(io::Error::other)?.get(window.bytes).unwrap_or_default())
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
