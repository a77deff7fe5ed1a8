//! A Hugging Face checkpoint, one file or sharded, open for reading.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::{DType, TensorData};
use ia3_core::Bits;
use safetensors::Dtype;

use crate::error::IoError;
use crate::error_parts::Missing;
use crate::index::{INDEX, open_shards};
use crate::packed;
use crate::quantization;
use crate::read;
use crate::tensor_file::{Entry, TensorFile};
use crate::text::nearest;

pub(crate) const WEIGHTS: &str = "model.safetensors";

/// The weights of a Hugging Face model, `model.safetensors` or its shards.
///
/// Opening reads and checks the headers alone. [`load`](Self::load) fills a burn module.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    files: Vec<TensorFile>,
    /// The file of each tensor.
    tensors: BTreeMap<String, usize>,
}

/// What is known of a tensor without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TensorFacts<'a> {
    /// Its name, such as `encoder.block.0.layer.0.SelfAttention.k.weight`.
    pub name: &'a str,
    /// The dtype in the file.
    pub dtype: Dtype,
    /// The shape in the file; a linear weight is `[d_out, d_in]`.
    pub shape: &'a [usize],
    /// Its size in the file.
    pub bytes: usize,
}

impl Checkpoint {
    /// Opens a checkpoint: a folder with `model.safetensors` or `model.safetensors.index.json`, such an index, or a
    /// single safetensors file.
    ///
    /// # Errors
    ///
    /// [`IoError::NotFound`] and [`IoError::NoCheckpoint`] where there is none; [`IoError::Foreign`] for a pickle, a
    /// git-LFS pointer or a web page; [`IoError::Index`], [`IoError::ShardPath`], [`IoError::MissingShards`] and
    /// [`IoError::ShardContents`] for shards that do not agree with their index; and the errors of a damaged file.
    pub fn open(dir_or_file: impl AsRef<Path>) -> Result<Self, IoError> {
        let path = dir_or_file.as_ref();
        let file = locate(path)?;
        let files = match file.file_name().is_some_and(|name| name.to_string_lossy().ends_with(".json")) {
            true => open_shards(&file)?,
            false => vec![TensorFile::open(&file)?],
        };
        let names =
            |(i, file): (usize, &TensorFile)| file.tensors.keys().map(|n| (n.clone(), i)).collect::<Vec<_>>();
        let tensors = files.iter().enumerate().flat_map(names).collect();
        Ok(Self { path: path.to_owned(), files, tensors })
    }

    /// The path it was opened from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The tensors, sorted by name.
    pub fn tensors(&self) -> impl Iterator<Item = TensorFacts<'_>> {
        self.tensors.keys().filter_map(|name| self.facts(name))
    }

    /// What is known of one tensor.
    pub fn facts(&self, name: &str) -> Option<TensorFacts<'_>> {
        let (name, &file) = self.tensors.get_key_value(name)?;
        let Entry { dtype, shape, bytes, .. } = self.files.get(file)?.tensors.get(name)?;
        Some(TensorFacts { name, dtype: *dtype, shape, bytes: *bytes })
    }

    /// Whether there is a tensor of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// Whether there are integers of a quantised weight of that name.
    pub fn contains_integers(&self, name: &str) -> bool {
        [Bits::Eight, Bits::Four].iter().any(|&bits| self.contains(&packed::integers(name, bits)))
    }

    /// The size of all tensors.
    pub fn total_bytes(&self) -> u64 {
        self.tensors().map(|tensor| tensor.bytes as u64).sum()
    }

    /// The metadata of the file, or of the first shard; `format` is `pt` in what PyTorch wrote.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &str)> {
        let first = self.files.iter().take(1).flat_map(|file| &file.metadata);
        first.map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// In how many bits the weights of linear layers are, by `quantization_config` in the `config.json` beside them; `None`
    /// for floats.
    ///
    /// # Errors
    ///
    /// [`IoError::QuantizationConfig`] for a method or version that is not read, [`IoError::Unannounced`] for quantised
    /// weights beside a `config.json` that does not tell of them.
    pub fn quantization(&self) -> Result<Option<Bits>, IoError> {
        let first = self.tensors.keys().find(|name| packed::are_integers(name));
        let dir = match self.path.is_dir() {
            true => Some(self.path.as_path()),
            // A file alone may lie beside any `config.json`.
            false => self.path.parent().filter(|_| first.is_some()),
        };
        let said = dir.map(quantization::of_folder).transpose()?.flatten();
        let fits =
            |name: &String| said.is_some_and(|bits| name.ends_with(&packed::integers(".weight", bits)));
        match self.tensors.keys().find(|name| packed::are_integers(name) && !fits(name)) {
            None => Ok(said),
            Some(tensor) => {
                let (path, tensor, other) = (self.path.clone(), tensor.clone(), said.is_some());
                Err(IoError::Unannounced { path, tensor, other })
            }
        }
    }

    /// Whether two tensors have the same dtype, shape and bytes: whether a head is tied to the embedding, say.
    ///
    /// # Errors
    ///
    /// [`IoError::NoTensor`], [`IoError::Io`].
    pub fn same_bytes(&self, a: &str, b: &str) -> Result<bool, IoError> {
        let ((file_a, a), (file_b, b)) = (self.entry(a)?, self.entry(b)?);
        file_a.same_bytes(a, file_b, b)
    }

    /// One tensor in the file's layout, as float32, float16 or bfloat16 by what the file holds (float64 becomes
    /// float32).
    ///
    /// # Errors
    ///
    /// [`IoError::NoTensor`], [`IoError::TensorDtype`], [`IoError::Io`].
    pub fn tensor(&self, name: &str) -> Result<TensorData, IoError> {
        let dtype = self.entry(name)?.1.float_dtype();
        self.read(name, dtype, false)
    }

    /// One tensor as `dtype`, transposed if it is a matrix and `transposed`.
    pub(crate) fn read(&self, name: &str, dtype: DType, transposed: bool) -> Result<TensorData, IoError> {
        let (file, entry) = self.entry(name)?;
        file.read(name, entry, dtype, transposed)
    }

    pub(crate) fn entry(&self, name: &str) -> Result<(&TensorFile, &Entry), IoError> {
        let file = self.tensors.get(name).and_then(|&file| self.files.get(file));
        let entry = file.and_then(|file| Some((file, file.tensors.get(name)?)));
        entry.ok_or_else(|| {
            let nearest = nearest(name, self.tensors.keys().map(String::as_str));
            IoError::NoTensor { path: self.path.clone(), tensor: Missing { name: name.to_string(), nearest } }
        })
    }
}

/// The file to open: the weights, or the index of their shards.
fn locate(path: &Path) -> Result<PathBuf, IoError> {
    if !path.exists() {
        return Err(IoError::NotFound { path: path.to_owned() });
    }
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let candidates = [path.join(WEIGHTS), path.join(INDEX)];
    let found = candidates.into_iter().find(|file| file.exists());
    found.ok_or_else(|| IoError::NoCheckpoint { dir: path.to_owned(), found: read::listing(path) })
}
