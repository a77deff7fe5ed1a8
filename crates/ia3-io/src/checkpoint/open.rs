//! A Hugging Face checkpoint, one file or sharded, open for reading.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::{DType, FloatDType, TensorData};
use ia3_config::similar_name;
use ia3_core::Bits;
use safetensors::Dtype;

use crate::checkpoint::CheckpointError;
use crate::checkpoint::folder::locate;
use crate::checkpoint::index::open_shards;
use crate::checkpoint::quantized::{config, names};
use crate::missing::Missing;
use crate::safetensors::{Entry, TensorFile, is_float};

/// The weights of a Hugging Face model, `model.safetensors` or its shards.
///
/// [`open`](Self::open) reads and checks the headers only. [`load`](Self::load) fills a burn module.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    /// The index of the shards, if there is one.
    index: Option<PathBuf>,
    files: Vec<TensorFile>,
    /// The file of each tensor.
    tensors: BTreeMap<String, usize>,
}

/// The facts of a tensor that are known without reading it.
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
    /// Opens a checkpoint: a folder with `model.safetensors`, `pytorch_model.bin` or the index of the shards of either, where
    /// safetensors come first; such an index; or a single file, which may be a GGUF file of llama.cpp too.
    ///
    /// A file of `torch.save` is read as data: a pickle that refers to anything but tensors is refused. Its tensors are read where
    /// they are in the file, a few megabytes at a time. The archive's checksums are not checked, because that would read the whole
    /// file first; `ia3_convert::convert_base` checks them.
    ///
    /// The tensors of a GGUF file have Hugging Face's names, shapes and order of rows. They are decoded while they are read,
    /// and quantised ones are float32.
    ///
    /// # Errors
    ///
    /// [`FileError::NotFound`](crate::FileError::NotFound) and [`CheckpointError::NoCheckpoint`] if there is none;
    /// [`FileError::WrongKind`](crate::FileError::WrongKind) for a git-LFS pointer or a web page;
    /// [`CheckpointError::Safetensors`] with [`SafetensorsError::Torch`](crate::SafetensorsError::Torch) for a pickle that is not read;
    /// [`CheckpointError::Index`], [`CheckpointError::ShardPath`] and
    /// [`CheckpointError::MissingShards`] for an index that cannot be followed; and the errors of a damaged file.
    pub fn open(dir_or_file: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        let path = dir_or_file.as_ref();
        let file = locate(path)?;
        let (index, files) =
            match file.file_name().is_some_and(|name| name.to_string_lossy().ends_with(".json")) {
                true => (Some(file.clone()), open_shards(&file)?),
                false if !path.is_dir() && ia3_gguf::is_gguf(&file) => {
                    (None, vec![TensorFile::open_gguf(&file)?])
                }
                false => (None, vec![TensorFile::open_weights(&file)?]),
            };
        let names =
            |(i, file): (usize, &TensorFile)| file.tensors.keys().map(|n| (n.clone(), i)).collect::<Vec<_>>();
        let tensors = files.iter().enumerate().flat_map(names).collect();
        Ok(Self { path: path.to_owned(), index, files, tensors })
    }

    /// The path it was opened from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The files that the weights are read from: `model.safetensors`, or the index and its shards.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let index = self.index.iter().map(PathBuf::as_path);
        index.chain(self.files.iter().map(|file| file.path.as_path()))
    }

    /// The tensors, sorted by name.
    pub fn tensors(&self) -> impl Iterator<Item = TensorFacts<'_>> {
        self.tensors.keys().filter_map(|name| self.facts(name))
    }

    /// The facts of one tensor.
    pub fn facts(&self, name: &str) -> Option<TensorFacts<'_>> {
        let (name, &file) = self.tensors.get_key_value(name)?;
        let Entry { dtype, shape, bytes, .. } = self.files.get(file)?.tensors.get(name)?;
        Some(TensorFacts { name, dtype: *dtype, shape, bytes: *bytes })
    }

    /// The dtype that most float values have, where they do not all have the same; quantised weights and their scales do not
    /// count.
    ///
    /// A model computes in one dtype, so a checkpoint of several is loaded in this one unless another is asked for. Such
    /// checkpoints are common: bfloat16 weights beside norms or a head in float32.
    pub fn main_dtype_of_several(&self) -> Option<FloatDType> {
        let mut values: BTreeMap<&str, (FloatDType, usize)> = BTreeMap::new();
        let is_scale =
            |name: &str| name.strip_suffix(&names::scales("")).is_some_and(|of| self.contains_integers(of));
        for tensor in self.tensors().filter(|tensor| is_float(tensor.dtype) && !is_scale(tensor.name)) {
            let (name, dtype) = match tensor.dtype {
                Dtype::F16 => ("float16", FloatDType::F16),
                Dtype::BF16 => ("bfloat16", FloatDType::BF16),
                _ => ("float32", FloatDType::F32),
            };
            values.entry(name).or_insert((dtype, 0)).1 += tensor.shape.iter().product::<usize>();
        }
        let most = values.values().max_by_key(|(_, count)| *count).map(|(dtype, _)| *dtype);
        most.filter(|_| values.len() > 1)
    }

    /// Whether there are tensors in float16 or bfloat16.
    pub fn holds_half_precision(&self) -> bool {
        self.tensors().any(|tensor| matches!(tensor.dtype, Dtype::F16 | Dtype::BF16))
    }

    /// Whether there is a tensor of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// Whether there are integers of a quantised weight of that name.
    pub fn contains_integers(&self, name: &str) -> bool {
        [Bits::Eight, Bits::Four].iter().any(|&bits| self.contains(&names::integers(name, bits)))
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

    /// The number of bits of quantised weights, by `quantization_config` in the `config.json` beside them; `None` for
    /// floats.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::QuantizationConfig`] for a method or version that is not read, [`CheckpointError::Unannounced`] for quantised
    /// weights beside a `config.json` that does not announce them.
    pub fn quantization(&self) -> Result<Option<Bits>, CheckpointError> {
        let first = self.tensors.keys().find(|name| names::are_integers(name));
        let dir = match self.path.is_dir() {
            true => Some(self.path.as_path()),
            // The `config.json` beside a single file may belong to another model.
            false => self.path.parent().filter(|_| first.is_some()),
        };
        let said = dir.map(config::of_folder).transpose()?.flatten();
        let fits = |name: &String| said.is_some_and(|bits| name.ends_with(&names::integers(".weight", bits)));
        match self.tensors.keys().find(|name| names::are_integers(name) && !fits(name)) {
            None => Ok(said),
            Some(tensor) => {
                let (path, tensor, other) = (self.path.clone(), tensor.clone(), said.is_some());
                Err(CheckpointError::Unannounced { path, tensor, other })
            }
        }
    }

    /// The bits of the integers in the file; `None` if it holds floats only.
    pub(super) fn stored_bits(&self) -> Option<Bits> {
        let integers = self.tensors.keys().find(|name| names::are_integers(name))?;
        let is_stored = |bits: &Bits| integers.ends_with(&names::integers(".weight", *bits));
        [Bits::Eight, Bits::Four].into_iter().find(is_stored)
    }

    /// Whether two tensors have the same dtype, shape and bytes. This tells, for example, whether a head is tied to the
    /// embedding.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::NoTensor`], [`CheckpointError::File`].
    pub fn same_bytes(&self, a: &str, b: &str) -> Result<bool, CheckpointError> {
        let ((file_a, a), (file_b, b)) = (self.entry(a)?, self.entry(b)?);
        Ok(file_a.same_bytes(a, file_b, b)?)
    }

    /// One tensor in the layout of the file, as float32, float16 or bfloat16 as in the file; float64 becomes float32.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::NoTensor`], [`CheckpointError::Safetensors`] for a dtype that is not read, [`CheckpointError::File`].
    pub fn tensor(&self, name: &str) -> Result<TensorData, CheckpointError> {
        let dtype = self.entry(name)?.1.float_dtype();
        self.read(name, dtype, false)
    }

    /// One tensor as `dtype`, transposed if it is a matrix and `transposed`.
    pub(crate) fn read(
        &self,
        name: &str,
        dtype: DType,
        transposed: bool,
    ) -> Result<TensorData, CheckpointError> {
        let (file, entry) = self.entry(name)?;
        Ok(file.read(name, entry, dtype, transposed)?)
    }

    pub(crate) fn entry(&self, name: &str) -> Result<(&TensorFile, &Entry), CheckpointError> {
        let file = self.tensors.get(name).and_then(|&file| self.files.get(file));
        let entry = file.and_then(|file| Some((file, file.tensors.get(name)?)));
        entry.ok_or_else(|| {
            let nearest = similar_name(name, self.tensors.keys().map(String::as_str)).map(str::to_owned);
            CheckpointError::NoTensor {
                path: self.path.clone(),
                tensor: Missing { name: name.to_string(), nearest },
            }
        })
    }
}
