//! The files beside the weights: configuration and tokenizer.

use std::io;
use std::path::Path;

use crate::checkpoint::CheckpointError;
use crate::checkpoint::folder::is_same;
use crate::checkpoint::open::Checkpoint;
use crate::checkpoint::quantized::config::{CONFIG, copied_text};
use crate::fs::{self, AtomicWrite, FileError, file_names};

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
    if !from.is_dir() {
        return Err(FileError::NotFound { path: from.to_owned() }.into());
    }
    if is_same(from, to) {
        return Err(CheckpointError::SameFolder { dir: to.to_owned() });
    }
    let names: Vec<String> = file_names(from).into_iter().filter(|name| is_sidecar(name)).collect();
    let config = config_beside(from, to)?;
    let mut write = AtomicWrite::new(to)?;
    for name in &names {
        if let Some(config) = config.as_ref().filter(|_| name == CONFIG) {
            write.text(name, config)?;
            continue;
        }
        let mut source = fs::open(&from.join(name))?;
        write.file(name, |out| io::copy(&mut source, out).map(drop))?;
    }
    write.commit()?;
    Ok(names)
}

/// The `config.json` to write, if it has to differ from that of `from` because of the weights in `to`.
fn config_beside(from: &Path, to: &Path) -> Result<Option<String>, CheckpointError> {
    let path = from.join(CONFIG);
    // Weights that cannot be opened do not decide anything; loading them reports what is wrong.
    match Checkpoint::open(to) {
        Ok(weights) if path.exists() => copied_text(&path, weights.stored_bits()),
        _ => Ok(None),
    }
}

fn is_sidecar(name: &str) -> bool {
    NAMES.contains(&name) || (name.starts_with("tokenizer") && name.ends_with(".json"))
}
