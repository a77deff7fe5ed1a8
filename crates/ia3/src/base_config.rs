//! The configuration of a base: `config.json` of a folder, or the metadata of a GGUF file.

use std::path::{Path, PathBuf};

use ia3_guard::{Limit, read_text};
use ia3_io::fs::{UNFINISHED, file_names, is_commit};
use ia3_models::ModelConfig;

use crate::error::Error;
use crate::gguf_config;

/// Reads `config.json` of a Hugging Face folder, or makes it from the metadata of a GGUF file.
///
/// # Errors
///
/// [`Error::ReadConfig`] and [`Error::BadConfig`]; for a GGUF file [`Error::Gguf`].
pub fn read_config(dir: impl AsRef<Path>) -> Result<ModelConfig, Error> {
    let (path, text) = config_of_base(dir)?;
    ModelConfig::from_json(&text).map_err(|source| Error::BadConfig { path, source })
}

/// The text of `config.json` of a Hugging Face folder with the path of the file, or the text that is made from the metadata of a
/// GGUF file with the path of that.
///
/// # Errors
///
/// [`Error::ReadConfig`]; for a GGUF file [`Error::Gguf`].
pub fn config_of_base(dir: impl AsRef<Path>) -> Result<(PathBuf, String), Error> {
    if ia3_gguf::is_gguf(dir.as_ref()) {
        return Ok((dir.as_ref().to_owned(), gguf_config::config_text(dir.as_ref())?));
    }
    let path = dir.as_ref().join("config.json");
    match read_text(&path, Limit::CONFIG) {
        Ok(text) => Ok((path, text)),
        Err(_) if file_names(dir.as_ref()).iter().any(|name| is_commit(name)) => {
            Err(Error::ReadConfig { path, source: std::io::Error::other(UNFINISHED) })
        }
        Err(error) => Err(Error::ReadConfig { path, source: error.reason() }),
    }
}
