//! The files beside the weights.

use std::io;
use std::path::Path;

use crate::error::IoError;
use crate::read;
use crate::save::is_same;
use crate::stage::Stage;

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
/// [`IoError::SameFolder`] if both folders are one, [`IoError::NotFound`] if there is nothing to copy from,
/// [`IoError::Io`] and [`IoError::NotAFolder`] where the target cannot be written; then none is copied.
pub fn copy_sidecars(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<Vec<String>, IoError> {
    let (from, to) = (from.as_ref(), to.as_ref());
    if !from.is_dir() {
        return Err(IoError::NotFound { path: from.to_owned() });
    }
    if is_same(from, to) {
        return Err(IoError::SameFolder { dir: to.to_owned() });
    }
    let names: Vec<String> = read::listing(from).into_iter().filter(|name| is_sidecar(name)).collect();
    let mut stage = Stage::new(to)?;
    for name in &names {
        let mut source = read::open(&from.join(name))?;
        stage.file(name, |out| io::copy(&mut source, out).map(drop))?;
    }
    stage.commit()?;
    Ok(names)
}

fn is_sidecar(name: &str) -> bool {
    NAMES.contains(&name) || (name.starts_with("tokenizer") && name.ends_with(".json"))
}
