//! From a module to a checkpoint.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;

use crate::adapter_save::file_dtype;
use crate::checkpoint::WEIGHTS;
use crate::error::IoError;
use crate::index::INDEX;
use crate::layout;
use crate::packed;
use crate::quantization;
use crate::read;
use crate::shards;
use crate::stage::Stage;
use crate::write::{Source, pytorch_metadata, write_tensors};
use ia3_core::{Bits, ParameterPath, QuantizedLayout};

/// How much of a tensor is copied from its device at once.
const CHUNK: usize = 4 << 20;

/// How a checkpoint is saved; the default is one file with `{"format": "pt"}`.
#[derive(Clone, Debug, Default)]
pub struct CheckpointOptions {
    /// Further metadata of the file.
    pub metadata: BTreeMap<String, String>,
    /// Splits into shards of at most so many bytes of tensors, with an index.
    pub max_shard_bytes: Option<u64>,
    /// Replaces weights that are already in the folder.
    pub overwrite: bool,
    /// The folder of the base, which is never written into.
    pub base: Option<PathBuf>,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SavedCheckpoint {
    /// The files.
    pub files: Vec<PathBuf>,
    /// Their size together.
    pub bytes: u64,
    /// The number of tensors.
    pub tensors: usize,
}

/// Writes the float parameters of a module as Hugging Face stores them: the inverse of
/// [`Checkpoint::load`](crate::Checkpoint::load), with the same names, layout and dtypes.
///
/// The configuration and the tokenizer come from [`copy_sidecars`](crate::copy_sidecars), called before. The tensors are
/// written one piece after the other; beside the module there are only a few megabytes in memory.
///
/// A weight that [`quantize`](ia3_core::quantize) made stays integers: `k.weight` is written as `k.weight_int8` (I8
/// `[d_out, d_in]`) or `k.weight_int4` (U8, two in a byte, the first in the lower half), and `k.weight_scale` (F32
/// `[d_out, d_in / block]`). `quantization_config` in `config.json` says so, with a `quant_method` of its own; the rest of that
/// file is the folder's, or that of [`CheckpointOptions::base`].
///
/// # Errors
///
/// [`IoError::Attached`] for a model with adapter vectors, [`IoError::ParameterDtype`] and
/// [`IoError::MixedBits`] for one quantised in another way,
/// [`IoError::Exists`] and [`IoError::SameFolder`] for a folder with weights in it, [`IoError::Io`] while writing.
pub fn save_checkpoint<M: Module>(
    module: &M,
    dir: impl AsRef<Path>,
    options: &CheckpointOptions,
) -> Result<SavedCheckpoint, IoError> {
    let dir = dir.as_ref();
    check_folder(dir, options)?;
    let (sources, bits) = sources(module)?;
    let config = quantization::config_text(dir, options.base.as_deref(), bits)?;
    let shards = shards::split(sources, options.max_shard_bytes);
    let tensors = shards.iter().map(Vec::len).sum();
    let mut metadata = options.metadata.clone();
    metadata.extend(pytorch_metadata());
    let mut stage = Stage::new(dir)?;
    let count = shards.len();
    if count > 1 {
        stage.text(INDEX, &shards::index(&shards))?;
    }
    for (i, shard) in shards.into_iter().enumerate() {
        let name = if count > 1 { shards::name(i, count) } else { WEIGHTS.to_string() };
        stage.file(&name, |out| write_tensors(out, shard, &metadata))?;
    }
    if let Some(config) = config {
        stage.text(quantization::CONFIG, &config)?;
    }
    let (files, bytes) = stage.commit()?;
    remove_stale(dir, &files)?;
    Ok(SavedCheckpoint { files, bytes, tensors })
}

fn check_folder(dir: &Path, options: &CheckpointOptions) -> Result<(), IoError> {
    if options.base.as_ref().is_some_and(|base| is_same(base, dir)) {
        return Err(IoError::SameFolder { dir: dir.to_owned() });
    }
    let weights = read::listing(dir).into_iter().find(|name| is_weights(name));
    match weights.filter(|_| !options.overwrite) {
        None => Ok(()),
        Some(name) => Err(IoError::Exists { path: dir.join(name) }),
    }
}

/// Whether two paths are one folder.
pub(crate) fn is_same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn is_weights(name: &str) -> bool {
    let is_shard = name.starts_with("model-") && name.ends_with(".safetensors");
    name == WEIGHTS || name == INDEX || is_shard
}

/// Removes the weights that were replaced, which would otherwise be found first.
fn remove_stale(dir: &Path, written: &[PathBuf]) -> Result<(), IoError> {
    let weights = read::listing(dir).into_iter().filter(|name| is_weights(name)).map(|name| dir.join(name));
    let mut stale = weights.filter(|path| !written.contains(path));
    stale.try_for_each(|path| fs::remove_file(&path).map_err(|source| IoError::io("remove", &path, source)))
}

/// The tensors to write, and the bits of quantised weights.
fn sources<M: Module>(module: &M) -> Result<(Vec<Source<'static>>, Option<Bits>), IoError> {
    let mut collector = Collector::default();
    module.visit(&mut collector);
    collector.failed.map_or(Ok((collector.sources, collector.bits)), Err)
}

#[derive(Default)]
struct Collector {
    walk: ParameterPath,
    sources: Vec<Source<'static>>,
    bits: Option<Bits>,
    failed: Option<IoError>,
}

impl Collector {
    fn collect<const D: usize>(&mut self, tensor: Tensor<D>) -> Result<(), IoError> {
        let (holder, leaf, name) = (self.walk.holder(), self.walk.leaf(), layout::file_name(&self.walk));
        let quantized = QuantizedLayout::of(&tensor).filter(|_| packed::is_quantizable(holder, leaf));
        let Some(quantized) = quantized else {
            let transposed = layout::is_transposed(holder, leaf, D);
            self.sources.push(source(name, tensor, transposed)?);
            return Ok(());
        };
        if *self.bits.get_or_insert(quantized.bits) != quantized.bits {
            return Err(IoError::MixedBits { parameter: name });
        }
        self.sources.extend(packed::sources(&name, quantized, tensor));
        Ok(())
    }
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        let parameter = self.walk.parameter();
        self.walk.enter(name, container_type);
        if self.walk.inside_reparameterization() {
            self.failed.get_or_insert(IoError::Attached { parameter });
        }
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.walk.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.failed.is_some() {
            return;
        }
        self.failed = self.collect(param.base()).err();
    }
}

fn source<const D: usize>(
    name: String,
    tensor: Tensor<D>,
    transposed: bool,
) -> Result<Source<'static>, IoError> {
    let dtype = file_dtype(tensor.dtype(), &name)?;
    // Only then: integers would become floats.
    let tensor = tensor.detach();
    let tensor = if transposed { tensor.transpose() } else { tensor };
    let shape = tensor.shape().to_vec();
    Ok(Source { name, dtype, shape, write: Box::new(move |out| write_values(tensor, out)) })
}

/// Writes a tensor a few rows at a time.
fn write_values<const D: usize>(tensor: Tensor<D>, out: &mut dyn Write) -> io::Result<()> {
    let shape = tensor.shape();
    let rows = shape.first().copied().unwrap_or(0);
    let elements = shape.num_elements();
    if elements == 0 {
        return Ok(());
    }
    let row = elements / rows * tensor.dtype().size();
    let step = (CHUNK / row).max(1);
    for start in (0..rows).step_by(step) {
        let piece = tensor.clone().slice_dim(0, start..(start + step).min(rows));
        let data = piece.try_into_data().map_err(io::Error::other)?;
        out.write_all(data.bytes())?;
    }
    Ok(())
}
