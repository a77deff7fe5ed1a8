//! The folder of a checkpoint: the names of its weights, and whether two paths are one folder.

use std::path::{Path, PathBuf};

use crate::checkpoint::CheckpointError;
use crate::fs::{FileError, file_names};

pub(crate) const WEIGHTS: &str = "model.safetensors";
pub(crate) const INDEX: &str = "model.safetensors.index.json";
/// The names that PyTorch's files have, which are read where there is no safetensors file.
const TORCH: [&str; 2] = ["pytorch_model.bin", "pytorch_model.bin.index.json"];

/// The file to open at `path`: the weights, or the index of their shards.
pub(crate) fn locate(path: &Path) -> Result<PathBuf, CheckpointError> {
    if !path.exists() {
        return Err(FileError::NotFound { path: path.to_owned() }.into());
    }
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let names = [WEIGHTS, INDEX].into_iter().chain(TORCH);
    let found = names.map(|name| path.join(name)).find(|file| file.exists());
    found.ok_or_else(|| CheckpointError::NoCheckpoint { dir: path.to_owned(), found: file_names(path) })
}

/// The names of the weights in a folder: one file, or an index and shards.
pub(crate) fn weights_in(dir: &Path) -> impl Iterator<Item = String> {
    file_names(dir).into_iter().filter(|name| is_weights(name))
}

fn is_weights(name: &str) -> bool {
    let is_shard = name.starts_with("model-") && name.ends_with(".safetensors");
    name == WEIGHTS || name == INDEX || is_shard
}

/// Whether two paths are one folder.
pub(crate) fn is_same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}
