//! The folder of a checkpoint: the names of its weights, and whether two paths are one folder.

use std::fs::remove_file;
use std::path::{Path, PathBuf};

use crate::checkpoint::CheckpointError;
use crate::fs::{FileError, file_names};

pub(crate) const WEIGHTS: &str = "model.safetensors";
pub(crate) const INDEX: &str = "model.safetensors.index.json";

/// The file to open at `path`: the weights, or the index of their shards.
pub(crate) fn locate(path: &Path) -> Result<PathBuf, CheckpointError> {
    if !path.exists() {
        return Err(FileError::NotFound { path: path.to_owned() }.into());
    }
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let candidates = [path.join(WEIGHTS), path.join(INDEX)];
    let found = candidates.into_iter().find(|file| file.exists());
    found.ok_or_else(|| CheckpointError::NoCheckpoint { dir: path.to_owned(), found: file_names(path) })
}

/// The weights in a folder: one file, or an index and shards.
pub(crate) fn weights_in(dir: &Path) -> impl Iterator<Item = PathBuf> {
    file_names(dir).into_iter().filter(|name| is_weights(name)).map(|name| dir.join(name))
}

fn is_weights(name: &str) -> bool {
    let is_shard = name.starts_with("model-") && name.ends_with(".safetensors");
    name == WEIGHTS || name == INDEX || is_shard
}

/// Removes weights that were not written now. A reader could otherwise find them first.
pub(crate) fn remove_stale(dir: &Path, written: &[PathBuf]) -> Result<(), FileError> {
    let mut stale = weights_in(dir).filter(|path| !written.contains(path));
    stale.try_for_each(|path| remove_file(&path).map_err(|source| FileError::io("remove", &path, source)))
}

/// Whether two paths are one folder.
pub(crate) fn is_same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}
