//! The files beside the weights.

use std::io;
use std::path::Path;

use crate::checkpoint::CheckpointError;
use crate::checkpoint::folder::is_same;
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

/// Copies what `transformers` needs beside the weights: the configuration and the files of the tokenizer, as far as
/// they are there. Returns their names. To be called before [`save_checkpoint`](crate::save_checkpoint), which writes into
/// `config.json` whether the weights are quantised.
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
    let mut write = AtomicWrite::new(to)?;
    for name in &names {
        let mut source = fs::open(&from.join(name))?;
        write.file(name, |out| io::copy(&mut source, out).map(drop))?;
    }
    write.commit()?;
    Ok(names)
}

fn is_sidecar(name: &str) -> bool {
    NAMES.contains(&name) || (name.starts_with("tokenizer") && name.ends_with(".json"))
}
