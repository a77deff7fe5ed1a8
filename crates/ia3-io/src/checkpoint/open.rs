//! A Hugging Face checkpoint, one file or sharded, open for reading.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use burn::tensor::{DType, FloatDType, TensorData};
use ia3_core::Bits;
use safetensors::Dtype;

use crate::checkpoint::candidates::candidates;
use crate::checkpoint::packed::{self, PackedWeight};
use crate::checkpoint::quantization_config::{self, Announced, OwnFormat};
use crate::checkpoint::quantized::names;
use crate::checkpoint::stored_tensors::StoredTensors;
use crate::checkpoint::{CheckpointError, LoadOptions};
use crate::kept::Kept;
use crate::safetensors::{Entry, is_float};

/// The weights of a Hugging Face model, `model.safetensors` or its shards.
///
/// [`open`](Self::open) reads and checks the headers only. [`load`](Self::load) fills a burn module.
#[derive(Debug)]
pub struct Checkpoint {
    stored: StoredTensors,
    /// The weights that are made of several of these tensors.
    packed: BTreeMap<String, PackedWeight>,
    /// The names of all tensors, with a packed weight in place of its parts.
    names: BTreeSet<String>,
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
    /// and quantised ones are float32. So are the weights that GPTQ, AWQ or bitsandbytes quantised, each under the name of
    /// its weight; `quantization_config` in the `config.json` beside them says how they are decoded.
    ///
    /// # Errors
    ///
    /// [`FileError::NotFound`](crate::FileError::NotFound) and [`CheckpointError::NoCheckpoint`] if there is none;
    /// [`FileError::WrongKind`](crate::FileError::WrongKind) for a git-LFS pointer or a web page;
    /// [`CheckpointError::Safetensors`] with [`SafetensorsError::Torch`](crate::SafetensorsError::Torch) for a pickle that is not read;
    /// [`CheckpointError::Index`], [`CheckpointError::ShardPath`] and
    /// [`CheckpointError::MissingShards`] for an index that cannot be followed; and the errors of a damaged file.
    pub fn open(dir_or_file: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        let stored = StoredTensors::open(dir_or_file.as_ref())?;
        let packed = packed::find(&stored)?;
        let parts: BTreeSet<&str> =
            packed.values().flat_map(|weight| weight.parts.iter().map(String::as_str)).collect();
        let whole = stored.names().filter(|name| !parts.contains(name)).map(str::to_string);
        let names = whole.chain(packed.keys().cloned()).collect();
        Ok(Self { stored, packed, names })
    }

    /// The tensors as the files hold them.
    pub(crate) fn stored(&self) -> &StoredTensors {
        &self.stored
    }

    /// The weight of that name, if it is made of several tensors.
    pub(crate) fn packed(&self, name: &str) -> Option<&PackedWeight> {
        self.packed.get(name)
    }

    /// Whether there are weights that another program quantised.
    pub(crate) fn is_packed(&self) -> bool {
        !self.packed.is_empty()
    }

    /// What quantised the weights: `GPTQ`, `AWQ` or `bitsandbytes`. `None` for floats and for integers of this library.
    pub fn quantized_by(&self) -> Option<&'static str> {
        self.packed.values().next().map(PackedWeight::program)
    }

    /// The path it was opened from.
    pub fn path(&self) -> &Path {
        self.stored.path()
    }

    /// The files that the weights are read from: `model.safetensors`, or the index and its shards.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.stored.index().into_iter().chain(self.stored.files().iter().map(|file| file.path.as_path()))
    }

    /// The tensors, sorted by name.
    pub fn tensors(&self) -> impl Iterator<Item = TensorFacts<'_>> {
        self.names.iter().filter_map(|name| self.facts(name))
    }

    /// The facts of one tensor.
    pub fn facts(&self, name: &str) -> Option<TensorFacts<'_>> {
        if let Some((name, weight)) = self.packed.get_key_value(name) {
            return Some(TensorFacts { name, dtype: Dtype::F32, shape: &weight.shape, bytes: weight.bytes });
        }
        let name = self.names.get(name)?;
        let Entry { dtype, shape, bytes, .. } = self.stored.entry(name).ok()?.1;
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
        self.names.contains(name)
    }

    /// The name under which there is the tensor `name` of a model: its own, or another one that the options allow.
    pub fn name_of(&self, name: &str, options: &LoadOptions) -> Option<String> {
        candidates(name, options).into_iter().find(|name| self.contains(name))
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
        let first = self.stored.files().iter().take(1).flat_map(|file| &file.metadata);
        first.map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The number of bits of quantised weights, or the smaller one of both where there are weights of 4 bits and of 8 bits, by `quantization_config` in the `config.json` beside them; `None` for
    /// floats, and for weights that another program quantised, which are read as floats.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::QuantizationConfig`] for a method or version that is not read, [`CheckpointError::Unannounced`] for quantised
    /// weights beside a `config.json` that does not announce them, [`CheckpointError::NotPacked`] for one that announces weights of
    /// another program where there are none.
    pub fn quantization(&self) -> Result<Option<Bits>, CheckpointError> {
        Ok(self.own_format()?.map(|format| format.bits))
    }

    /// The format of the integers of this library, after the checks of [`quantization`](Self::quantization).
    pub(crate) fn own_format(&self) -> Result<Option<OwnFormat>, CheckpointError> {
        let first = self.stored.names().find(|name| names::are_integers(name));
        let dir = match self.path().is_dir() {
            true => Some(self.path()),
            // The `config.json` beside a single file may belong to another model.
            false => self.path().parent().filter(|_| first.is_some()),
        };
        let said = match dir.map(quantization_config::of_folder).transpose()? {
            Some(Announced::Packed(_)) if !self.is_packed() => {
                return Err(CheckpointError::NotPacked { path: self.path().to_owned() });
            }
            Some(Announced::Integers(format)) => Some(format),
            Some(Announced::Packed(_) | Announced::Floats) | None => None,
        };
        let fits = |name: &str| match said {
            None => false,
            Some(OwnFormat { version: 1, bits }) if !names::are_minima(name) => {
                name.ends_with(&names::integers(".weight", bits))
            }
            Some(OwnFormat { version, .. }) => version > 1,
        };
        let is_own = |name: &str| names::are_integers(name) || names::are_minima(name);
        match self.stored.names().find(|name| is_own(name) && !fits(name)) {
            None => Ok(said),
            Some(tensor) => {
                let (path, tensor, other) = (self.path().to_owned(), tensor.to_string(), said.is_some());
                Err(CheckpointError::Unannounced { path, tensor, other })
            }
        }
    }

    /// The format of the integers in the file, by its configuration or else by the names of the tensors; `None` if it holds
    /// floats only.
    pub(super) fn stored_format(&self) -> Option<OwnFormat> {
        let ends = |bits: Bits| {
            let suffix = names::integers(".weight", bits);
            self.stored.names().any(|name| name.ends_with(&suffix))
        };
        let (four, eight) = (ends(Bits::Four), ends(Bits::Eight));
        let bits = if four { Bits::Four } else { Bits::Eight };
        let version = if four && eight || self.stored.names().any(names::are_minima) { 2 } else { 1 };
        let found = (four || eight).then_some(OwnFormat { bits, version })?;
        Some(self.own_format().ok().flatten().unwrap_or(found))
    }

    /// Whether another program quantised the weight `name`: it is made of several tensors, or is one of integers in a GGUF file.
    pub(crate) fn is_of_another_program(&self, name: &str) -> bool {
        let in_gguf = || self.stored.entry(name).is_ok_and(|(file, _)| file.integers(name).is_some());
        self.packed.contains_key(name) || in_gguf()
    }

    /// Whether [`LoadOptions::keep_quantized`](crate::LoadOptions) keeps the integers of the weight `name`, if it is that of a linear
    /// layer. It does not where a code is the number of an entry in a table (NF4 and FP4), nor for groups of inputs in an order
    /// that makes no blocks (GPTQ with `desc_act`); such a weight is read as floats, as one is that no program quantised.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::File`] if the groups of the inputs cannot be read.
    pub fn can_keep(&self, name: &str) -> Result<bool, CheckpointError> {
        match self.packed.get(name) {
            Some(weight) => Ok(weight.block(&self.stored)?.is_some()),
            None => Ok(self.is_of_another_program(name)),
        }
    }

    /// The integers of a weight that [`can_keep`](Self::can_keep) accepts.
    pub(super) fn kept(&self, name: &str) -> Result<Kept, CheckpointError> {
        if let Some(weight) = self.packed.get(name) {
            return weight.kept(&self.stored);
        }
        let (file, _) = self.stored.entry(name)?;
        Ok(file.kept(name)?)
    }

    /// Whether two tensors have the same dtype, shape and bytes. This tells, for example, whether a head is tied to the
    /// embedding.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::NoTensor`], [`CheckpointError::File`].
    pub fn same_bytes(&self, a: &str, b: &str) -> Result<bool, CheckpointError> {
        if self.packed.contains_key(a) || self.packed.contains_key(b) {
            return Ok(a == b);
        }
        let ((file_a, a), (file_b, b)) = (self.stored.entry(a)?, self.stored.entry(b)?);
        Ok(file_a.same_bytes(a, file_b, b)?)
    }

    /// One tensor in the layout of the file, as float32, float16 or bfloat16 as in the file; float64 becomes float32, and so
    /// does a weight that another program quantised, `[d_out, d_in]`.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::NoTensor`], [`CheckpointError::Safetensors`] for a dtype that is not read, [`CheckpointError::File`].
    pub fn tensor(&self, name: &str) -> Result<TensorData, CheckpointError> {
        let dtype = match self.packed.contains_key(name) {
            true => DType::F32,
            false => self.stored.entry(name)?.1.float_dtype(),
        };
        self.read(name, dtype, false)
    }

    /// One tensor as `dtype`, transposed if it is a matrix and `transposed`.
    pub(crate) fn read(
        &self,
        name: &str,
        dtype: DType,
        transposed: bool,
    ) -> Result<TensorData, CheckpointError> {
        if let Some(weight) = self.packed.get(name) {
            return weight.read(&self.stored, dtype, transposed);
        }
        let (file, entry) = self.stored.entry(name)?;
        Ok(file.read(name, entry, dtype, transposed)?)
    }
}
