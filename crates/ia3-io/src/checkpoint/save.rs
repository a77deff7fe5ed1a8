//! From a module to a checkpoint.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::module::Module;

use crate::checkpoint::CheckpointError;
use crate::checkpoint::collect::sources;
use crate::checkpoint::folder::{INDEX, WEIGHTS, is_same, remove_stale, weights_in};
use crate::checkpoint::quantized::config;
use crate::checkpoint::shards;
use crate::fs::{AtomicWrite, WrittenFiles};
use crate::safetensors::{pytorch_metadata, write_file};

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
/// [`CheckpointError::Attached`] for a model with adapter vectors,
/// [`SafetensorsError::ParameterDtype`](crate::SafetensorsError::ParameterDtype) and [`CheckpointError::MixedBits`] for one
/// quantised in another way, [`CheckpointError::Exists`] and [`CheckpointError::SameFolder`] for a folder with weights in
/// it, [`CheckpointError::File`] while writing.
pub fn save_checkpoint<M: Module>(
    module: &M,
    dir: impl AsRef<Path>,
    options: &CheckpointOptions,
) -> Result<SavedCheckpoint, CheckpointError> {
    let dir = dir.as_ref();
    check_folder(dir, options)?;
    let (sources, bits) = sources(module)?;
    let config = config::config_text(dir, options.base.as_deref(), bits)?;
    let shards = shards::split(sources, options.max_shard_bytes);
    let tensors = shards.iter().map(Vec::len).sum();
    let mut metadata = options.metadata.clone();
    metadata.extend(pytorch_metadata());
    let mut write = AtomicWrite::new(dir)?;
    let count = shards.len();
    if count > 1 {
        write.text(INDEX, &shards::index(&shards))?;
    }
    for (i, shard) in shards.into_iter().enumerate() {
        let name = if count > 1 { shards::name(i, count) } else { WEIGHTS.to_string() };
        write.file(&name, |out| write_file(out, shard, &metadata))?;
    }
    if let Some(config) = config {
        write.text(config::CONFIG, &config)?;
    }
    let WrittenFiles { files, bytes } = write.commit()?;
    remove_stale(dir, &files)?;
    Ok(SavedCheckpoint { files, bytes, tensors })
}

fn check_folder(dir: &Path, options: &CheckpointOptions) -> Result<(), CheckpointError> {
    if options.base.as_ref().is_some_and(|base| is_same(base, dir)) {
        return Err(CheckpointError::SameFolder { dir: dir.to_owned() });
    }
    match weights_in(dir).next().filter(|_| !options.overwrite) {
        None => Ok(()),
        Some(path) => Err(CheckpointError::Exists { path }),
    }
}
