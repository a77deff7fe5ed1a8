//! Recognising the format of an adapter by its content.

use std::path::{Path, PathBuf};

use ia3_io::FileError;
use ia3_io::adapter::{BIN, CONFIG};
use ia3_io::fs::{FileKind, Limit, open, read_head, read_text};
use serde_json::Value;

use crate::format::AdapterFormat;
use crate::{adapterhub, lycoris};

impl AdapterFormat {
    /// Recognises the format of a folder or file by its content. A path that has no other format counts as PEFT's.
    ///
    /// `adapter_config.json` decides for a folder and its files. Any other zip archive counts as T-Few's, and a
    /// safetensors file with a key that ends in `.on_input` as LyCORIS's.
    ///
    /// # Errors
    ///
    /// [`FileError::NotFound`] and [`FileError::Io`].
    pub fn of(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = path.as_ref();
        if !path.exists() {
            return Err(FileError::NotFound { path: path.to_owned() });
        }
        let in_hub = is_adapterhub(&folder(path).join(CONFIG));
        if path.is_dir() {
            return Ok(if in_hub { Self::AdapterHub } else { Self::Peft });
        }
        let head = read_head(path, &mut open(path)?)?;
        let in_folder = folder(path).join(CONFIG).exists();
        Ok(match FileKind::recognise(&head) {
            _ if in_hub && adapterhub::is_part(path) => Self::AdapterHub,
            _ if in_folder && path.file_name().is_some_and(|name| name == BIN) => Self::Peft,
            Some(FileKind::Safetensors) if lycoris::is_there(path) => Self::Lycoris,
            Some(FileKind::Zip) => Self::TFew,
            // The reader of T-Few files says what the file is instead of such an archive.
            Some(kind) if !matches!(kind, FileKind::Json | FileKind::Safetensors) && !in_folder => Self::TFew,
            _ => Self::Peft,
        })
    }
}

pub(crate) fn folder(path: &Path) -> PathBuf {
    match path.is_dir() {
        true => path.to_owned(),
        false => path.parent().unwrap_or(Path::new("")).to_owned(),
    }
}

/// AdapterHub's configuration has an object `config`, PEFT's a `peft_type`.
pub(crate) fn is_adapterhub(config: &Path) -> bool {
    config_field(config, "peft_type").is_none()
        && config_field(config, "config").is_some_and(|c| c.is_object())
}

/// A field of a JSON file; `None` also if the file cannot be read, which its reader reports later.
pub(crate) fn config_field(config: &Path, field: &str) -> Option<Value> {
    let json: Value = serde_json::from_str(&read_text(config, Limit::CONFIG).ok()?).ok()?;
    json.get(field).filter(|value| !value.is_null()).cloned()
}
