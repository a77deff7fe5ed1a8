//! The files beside the weights: configuration and tokenizer.

use std::io;
use std::path::Path;

use crate::checkpoint::CheckpointError;
use crate::checkpoint::folder::is_same;
use crate::checkpoint::open::Checkpoint;
use crate::checkpoint::quantization_config::CONFIG;
use crate::checkpoint::quantized::config::copied_text;
use crate::fs::{self, FileError, FolderWrite, OutputFolder, file_names};

const NAMES: [&str; 15] = [
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "config.json",
    "generation_config.json",
    "merges.txt",
    "normalizer.json",
    "preprocessor_config.json",
    "sentencepiece.bpe.model",
    "special_tokens_map.json",
    "spiece.model",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "spm.model",
];

/// Copies the files that `transformers` needs beside the weights, the configuration and the tokenizer, as far as they exist.
/// Returns their names.
///
/// It may be called before or after [`save_checkpoint`](crate::save_checkpoint). If the target folder holds weights already,
/// `quantization_config` in the copied `config.json` is that of these weights, not that of `from`.
///
/// # Errors
///
/// [`CheckpointError::SameFolder`] if both folders are one, [`FileError::NotFound`] if `from` is not a folder, [`FileError::Io`]
/// and [`FileError::NotAFolder`] if the target cannot be written; then no file is copied.
pub fn copy_sidecars(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<Vec<String>, CheckpointError> {
    let (from, to) = (from.as_ref(), to.as_ref());
    check_source(from, to)?;
    let folder = OutputFolder::lock(to)?;
    let mut write = FolderWrite::new(&folder)?;
    let names = add_sidecars(&mut write, from)?;
    if let Some(config) = config_beside(from, to)? {
        write.text(CONFIG, &config)?;
    }
    write.last(&[CONFIG]);
    write.commit()?;
    Ok(names)
}

/// Adds the files to a write, except those that it has already. The weights in the folder do not matter, because the write
/// replaces them. Returns their names.
///
/// # Errors
///
/// The errors are those of [`copy_sidecars`].
pub fn add_sidecars(write: &mut FolderWrite, from: &Path) -> Result<Vec<String>, CheckpointError> {
    check_source(from, write.path())?;
    let names: Vec<String> = file_names(from).into_iter().filter(|name| is_sidecar(name)).collect();
    let missing: Vec<&String> = names.iter().filter(|name| !write.has(name)).collect();
    for name in missing {
        let mut source = fs::open(&from.join(name))?;
        write.file(name, |out| io::copy(&mut source, out).map(drop))?;
    }
    Ok(names)
}

fn check_source(from: &Path, to: &Path) -> Result<(), CheckpointError> {
    if !from.is_dir() {
        return Err(FileError::NotFound { path: from.to_owned() }.into());
    }
    match is_same(from, to) {
        true => Err(CheckpointError::SameFolder { dir: to.to_owned() }),
        false => Ok(()),
    }
}

/// The `config.json` to write, if it has to differ from that of `from` because of the weights in `to`.
fn config_beside(from: &Path, to: &Path) -> Result<Option<String>, CheckpointError> {
    let path = from.join(CONFIG);
    // Weights that cannot be opened do not decide anything; loading them reports what is wrong.
    match Checkpoint::open(to) {
        Ok(weights) if path.exists() && !weights.is_packed() => copied_text(&path, weights.stored_format()),
        _ => Ok(None),
    }
}

fn is_sidecar(name: &str) -> bool {
    NAMES.contains(&name) || (name.starts_with("tokenizer") && name.ends_with(".json"))
}
