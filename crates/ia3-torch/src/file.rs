//! A file of `torch.save`, open for reading tensor by tensor.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;

use safetensors::Dtype;

use crate::archive::Archive;
use crate::error::TorchError;
use crate::object::TensorRef;
use crate::pickle;
use crate::problem::TorchProblem;
use crate::tensor::Window;

/// A tensor and its place in a storage.
struct Located {
    key: String,
    window: Window,
}

/// How many times the bytes of a file its tensors may have together. Four names of one embedding are the most that a model of
/// transformers has.
const MOST_COPIES: u64 = 8;

/// A tensor of floats in a file, not read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TorchFloats {
    /// Its key in the dictionary.
    pub key: String,
    /// Float32, float16, bfloat16 or float64.
    pub dtype: Dtype,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Where its values begin in the file, as little-endian bytes in row-major order.
    pub start: u64,
    /// Their number of bytes.
    pub bytes: usize,
}

/// A tensor that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TorchValues {
    /// Float32, float16, bfloat16 or float64.
    pub dtype: Dtype,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values as little-endian bytes.
    pub bytes: Vec<u8>,
}

/// A file of `torch.save` whose pickle is read and whose tensors are not.
pub struct TorchFile {
    archive: Archive,
    /// The tensors by key; `None` for a value that is not a tensor.
    tensors: BTreeMap<String, Option<Rc<TensorRef>>>,
}

impl fmt::Debug for TorchFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TorchFile").field("path", &self.archive.path).finish_non_exhaustive()
    }
}

impl TorchFile {
    /// Opens a file and reads its pickle, as data: no code in it is run.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for a file that cannot be read, is no archive of `torch.save`, or holds anything but a dictionary of
    /// tensors and plain values.
    pub fn open(path: &Path) -> Result<Self, TorchError> {
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

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.archive.path
    }

    /// The keys of the dictionary, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.tensors.keys()
    }

    /// Reads some tensors of floats, and checks the checksums of their storages.
    ///
    /// Each storage is read once. All storages together must not have more bytes than the file.
    ///
    /// # Errors
    ///
    /// [`TorchError::Tensor`] for a value that is no tensor of floats, and the errors of a damaged file.
    pub fn read(&mut self, keys: &BTreeSet<String>) -> Result<BTreeMap<String, TorchValues>, TorchError> {
        let mut vectors = BTreeMap::new();
        for (storage, windows) in self.windows(keys)? {
            for Located { key, window } in windows {
                let bytes = self.archive.storage(&storage, window.storage_bytes, &key)?;
                let bytes = bytes.get(window.bytes).unwrap_or_default();
                let (dtype, shape, bytes) = (window.dtype, window.shape, bytes.to_vec());
                vectors.insert(key, TorchValues { dtype, shape, bytes });
            }
        }
        Ok(vectors)
    }

    /// The tensors of floats, and the keys of everything else.
    ///
    /// Several tensors may be one part of a storage, as tied weights are. All of them together must not have more than
    /// 8 times as many bytes as the file.
    ///
    /// # Errors
    ///
    /// [`TorchError::Tensor`] for a tensor that does not lie in the file as the pickle says, and the errors of a damaged archive.
    pub fn floats(&mut self) -> Result<(Vec<TorchFloats>, Vec<String>), TorchError> {
        let (mut floats, mut others) = (vec![], vec![]);
        let mut left = self.archive.len.saturating_mul(MOST_COPIES);
        for (key, tensor) in &self.tensors {
            let window = tensor.as_ref().map(|tensor| (tensor, tensor.window()));
            let (tensor, window) = match window {
                None | Some((_, Err(TorchProblem::Dtype { .. }))) => {
                    others.push(key.clone());
                    continue;
                }
                Some((_, Err(problem))) => return Err(TorchError::tensor(&self.archive.path, key, problem)),
                Some((tensor, Ok(window))) => (tensor, window),
            };
            let Window { dtype, shape, bytes, storage_bytes } = window;
            let overlap = TorchProblem::Overlap { file: self.archive.len };
            let rest = left.checked_sub(bytes.len() as u64);
            left = rest.ok_or_else(|| TorchError::tensor(&self.archive.path, key, overlap))?;
            let start = self.archive.place(&tensor.storage.key, storage_bytes, key)? + bytes.start as u64;
            floats.push(TorchFloats { key: key.clone(), dtype, shape, start, bytes: bytes.len() });
        }
        Ok((floats, others))
    }

    /// Writes the bytes of a tensor of [`floats`](Self::floats), and checks the checksum of its storage.
    ///
    /// # Errors
    ///
    /// The error of `out`, and [`TorchError`] as its source for a damaged file.
    pub fn write(&mut self, key: &str, out: &mut dyn Write) -> io::Result<()> {
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
