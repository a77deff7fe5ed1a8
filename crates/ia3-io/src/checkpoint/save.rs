//! Writing a module as a checkpoint.

use std::path::{Path, PathBuf};

use burn::module::Module;
use ia3_core::NonFinite;

use crate::checkpoint::collect::sources;
use crate::checkpoint::folder::{INDEX, WEIGHTS, is_same, weights_in};
use crate::checkpoint::quantization_config::{CONFIG, OwnFormat};
use crate::checkpoint::quantized::config;
use crate::checkpoint::shards;
use crate::checkpoint::sidecars::add_sidecars;
use crate::checkpoint::{CheckpointError, CheckpointOptions};
use crate::fs::{FileError, FolderWrite, OutputFolder, WrittenFiles};
use crate::safetensors::{Source, pytorch_metadata, write_file};

/// The files of a saved checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SavedCheckpoint {
    /// The files.
    pub files: Vec<PathBuf>,
    /// Their total size.
    pub bytes: u64,
    /// The number of tensors.
    pub tensors: usize,
}

/// Writes the float parameters of a module as Hugging Face stores them: the inverse of
/// [`Checkpoint::load`](crate::Checkpoint::load), with the same names, layout and dtypes.
///
/// The configuration and the tokenizer come from [`CheckpointOptions::sidecars`], or from
/// [`copy_sidecars`](crate::copy_sidecars), called before or after. Tensors are written one after the other; beside the
/// module, only a few megabytes are in memory.
///
/// The folder is locked while it is written. The files are one unit: whatever interrupts the write, the folder has the old
/// checkpoint, the new one, or none that can be read; see [`FolderWrite`]. Weights of an earlier checkpoint do not stay.
///
/// The weights of a model that [`quantize`](ia3_core::quantize) made are written as integers: `k.weight` as
/// `k.weight_int8` (I8 `[d_out, d_in]`) or `k.weight_int4` (U8, two integers per byte, the first in the lower half), and
/// `k.weight_scale` (F32 `[d_out, d_in / block]`), with `k.weight_minimum` of the same shape where a weight has minima. Then `quantization_config` in `config.json` has the `quant_method`
/// `ia3`. The rest of `config.json` is that of the folder, or of [`CheckpointOptions::base`].
///
/// # Errors
///
/// [`CheckpointError::Attached`] for a model with adapter vectors,
/// [`SafetensorsError::ParameterDtype`](crate::SafetensorsError::ParameterDtype) for one that was quantised in another way, [`CheckpointError::Exists`] for a folder with weights in it,
/// [`CheckpointError::NotFinite`] for a value that is NaN or infinite, [`CheckpointError::File`] while writing, and if
/// another process writes into the folder.
pub fn save_checkpoint<M: Module>(
    module: &M,
    dir: impl AsRef<Path>,
) -> Result<SavedCheckpoint, CheckpointError> {
    save_checkpoint_with(module, dir, &CheckpointOptions::new())
}

/// Writes a checkpoint as [`save_checkpoint`] does, with options.
///
/// # Errors
///
/// As [`save_checkpoint`], and [`CheckpointError::SameFolder`] for the folder of the base.
pub fn save_checkpoint_with<M: Module>(
    module: &M,
    dir: impl AsRef<Path>,
    options: &CheckpointOptions,
) -> Result<SavedCheckpoint, CheckpointError> {
    let folder = OutputFolder::lock(dir)?;
    write_checkpoint(module, FolderWrite::new(&folder)?, options)
}

/// Writes a checkpoint as [`save_checkpoint_with`] does, as files of `write`, which it commits.
///
/// # Errors
///
/// The errors are those of [`save_checkpoint_with`].
pub fn write_checkpoint<M: Module>(
    module: &M,
    mut write: FolderWrite,
    options: &CheckpointOptions,
) -> Result<SavedCheckpoint, CheckpointError> {
    check_folder(write.path(), options)?;
    let (mut sources, format) = sources(module)?;
    for source in &mut sources {
        if let Some((_, name)) = options.names.iter().find(|(own, _)| *own == source.name) {
            source.name.clone_from(name);
        }
    }
    let config = config_text(&mut write, options, format)?;
    let tensors = sources.len();
    write_weights(&mut write, sources, options)?;
    if let Some(config) = config {
        write.text(CONFIG, &config)?;
    }
    let WrittenFiles { files, bytes } = write.written();
    if let Some(base) = options.base.as_ref().filter(|_| options.sidecars) {
        add_sidecars(&mut write, base)?;
    }
    // A reader could find weights of an earlier checkpoint first.
    let weights: Vec<String> = weights_in(write.path()).collect();
    weights.into_iter().for_each(|name| write.remove(name));
    write.last(&[INDEX, CONFIG]);
    write.commit()?;
    Ok(SavedCheckpoint { files, bytes, tensors })
}

/// The text of `config.json` that differs from the one that is there, or that comes from the base as it is.
fn config_text(
    write: &mut FolderWrite,
    options: &CheckpointOptions,
    format: Option<OwnFormat>,
) -> Result<Option<String>, CheckpointError> {
    let base = options.base.as_deref();
    if let Some(text) = &options.config {
        write.text(CONFIG, text)?;
    }
    let of_base = base.filter(|_| options.sidecars && options.config.is_none());
    let path = of_base.map_or_else(|| write.current(CONFIG), |base| base.join(CONFIG));
    config::config_text(&path, base, format)
}

/// Writes one file, or shards and their index.
fn write_weights(
    write: &mut FolderWrite,
    sources: Vec<Source>,
    options: &CheckpointOptions,
) -> Result<(), CheckpointError> {
    let shards = shards::split(sources, options.max_shard_bytes);
    let mut metadata = options.metadata.clone();
    metadata.extend(pytorch_metadata());
    let count = shards.len();
    if count > 1 {
        write.text(INDEX, &shards::index(&shards))?;
    }
    for (i, shard) in shards.into_iter().enumerate() {
        let name = if count > 1 { shards::name(i, count) } else { WEIGHTS.to_string() };
        write.file(&name, |out| write_file(out, shard, &metadata)).map_err(not_finite)?;
    }
    Ok(())
}

/// The error of a tensor with values that are not finite, which stopped the writing.
fn not_finite(error: FileError) -> CheckpointError {
    let FileError::Io { path, source, .. } = &error else { return error.into() };
    match source.get_ref().and_then(|source| source.downcast_ref::<NonFinite>()) {
        Some(found) => CheckpointError::NotFinite { path: path.clone(), tensor: found.clone() },
        None => error.into(),
    }
}

fn check_folder(dir: &Path, options: &CheckpointOptions) -> Result<(), CheckpointError> {
    if options.base.as_ref().is_some_and(|base| is_same(base, dir)) {
        return Err(CheckpointError::SameFolder { dir: dir.to_owned() });
    }
    match weights_in(dir).next().filter(|_| !options.overwrite) {
        None => Ok(()),
        Some(name) => Err(CheckpointError::Exists { path: dir.join(name) }),
    }
}
