//! The formats that (IA)³ adapters are kept in, recognised by content.

mod adapterhub;
mod adapterhub_config;
mod order;
mod peft_bin;
mod save;
mod t5;
mod tfew;

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::adapter_file::{AdapterFile, CONFIG};
use crate::error::IoError;
use crate::foreign::Foreign;
use crate::read;

pub(crate) use t5::skeleton;

/// A format that adapters are kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AdapterFormat {
    /// PEFT's folder: `adapter_config.json` with `peft_type`, and `adapter_model.safetensors`; `adapter_model.bin`, as
    /// PEFT wrote it before, is read too.
    Peft,
    /// The file of the paper's authors (r-three/t-few, `src/models/EncoderDecoder.py`): `torch.save` of a
    /// dictionary with keys `<module path>.multi_lora_b`, each `[d_out, 1]`.
    TFew,
    /// The folder of the library `adapters` (AdapterHub): `adapter_config.json` with `config.composition_mode:
    /// "scale"`, and `pytorch_adapter.bin` or `adapter.safetensors` with keys `<module path>.loras.<name>.lora_B`.
    AdapterHub,
}

impl AdapterFormat {
    /// Recognises the format of a folder or file by what is in it; what is in no other format is taken for PEFT's.
    ///
    /// A folder and its files are told by `adapter_config.json`; any other zip archive is T-Few's.
    ///
    /// # Errors
    ///
    /// [`IoError::NotFound`] and [`IoError::Io`].
    pub fn of(path: impl AsRef<Path>) -> Result<Self, IoError> {
        let path = path.as_ref();
        if !path.exists() {
            return Err(IoError::NotFound { path: path.to_owned() });
        }
        let in_hub = is_adapterhub(&folder(path).join(CONFIG));
        if path.is_dir() {
            return Ok(if in_hub { Self::AdapterHub } else { Self::Peft });
        }
        let head = read::head(path, &mut read::open(path)?)?;
        let in_folder = folder(path).join(CONFIG).exists();
        Ok(match Foreign::recognise(&head) {
            _ if in_hub && adapterhub::is_part(path) => Self::AdapterHub,
            _ if peft_bin::is_there(path) => Self::Peft,
            Some(Foreign::Zip) => Self::TFew,
            // What should have been such an archive; its reader says what it is instead.
            Some(kind) if kind != Foreign::Json && !in_folder => Self::TFew,
            _ => Self::Peft,
        })
    }

    pub(crate) fn with_article(self) -> String {
        format!("{} {self}", if self == Self::AdapterHub { "an" } else { "a" })
    }

    pub(crate) fn holds(self) -> &'static str {
        match self {
            Self::Peft => "holds vectors on inputs and outputs",
            Self::TFew => "holds vectors on outputs of linear layers",
            Self::AdapterHub => "holds vectors on outputs of `q`, `k`, `v`, `wi`, `wi_1` and `wo` of T5",
        }
    }
}

/// `PEFT folder`, `T-Few file`, `AdapterHub folder`.
impl fmt::Display for AdapterFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Peft => "PEFT folder",
            Self::TFew => "T-Few file",
            Self::AdapterHub => "AdapterHub folder",
        })
    }
}

/// An adapter that was read from any of the formats.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpenedAdapter {
    /// The format it was in.
    pub format: AdapterFormat,
    /// The adapter.
    pub file: AdapterFile,
    /// Tensors of the file that are no part of an adapter and were not read: the base's own weights, which T-Few
    /// writes under DeepSpeed.
    pub ignored: Vec<String>,
}

impl AdapterFile {
    /// Reads an adapter of any format, see [`AdapterFormat`].
    ///
    /// A T-Few or AdapterHub adapter gets the configuration that PEFT needs for the same vectors in the same place:
    /// all on outputs, so `feedforward_modules` is empty. Pickles are read without running anything.
    ///
    /// # Errors
    ///
    /// As [`AdapterFile::open`]; for a file of `torch.save` also [`IoError::NotTorch`], [`IoError::OldTorch`],
    /// [`IoError::Zip`], [`IoError::NoPickle`], [`IoError::NotStored`], [`IoError::EntryLength`],
    /// [`IoError::ByteOrder`], [`IoError::Pickle`], [`IoError::DuplicateKey`] and [`IoError::Torch`];
    /// [`IoError::NoVectors`], [`IoError::NotIa3`] and [`IoError::ColumnForm`] for what is no (IA)³ adapter; [`IoError::AdapterHubConfig`],
    /// [`IoError::AdapterHubField`] and [`IoError::NoAdapterHub`] for AdapterHub's folder.
    ///
    /// ```no_run
    /// let opened = ia3_io::AdapterFile::open_any("t03b_ia3_finish.pt")?;
    /// assert_eq!(opened.format, ia3_io::AdapterFormat::TFew);
    /// println!("{} vectors", opened.file.vectors.len());
    /// # Ok::<(), ia3_io::IoError>(())
    /// ```
    pub fn open_any(path: impl AsRef<Path>) -> Result<OpenedAdapter, IoError> {
        let path = path.as_ref();
        let format = AdapterFormat::of(path)?;
        let (file, ignored) = match format {
            AdapterFormat::Peft if peft_bin::is_there(path) => (peft_bin::read(&folder(path))?, vec![]),
            AdapterFormat::Peft => (Self::open(path)?, vec![]),
            AdapterFormat::TFew => tfew::read(path)?,
            AdapterFormat::AdapterHub => (adapterhub::read(&folder(path))?, vec![]),
        };
        Ok(OpenedAdapter { format, file, ignored })
    }
}

fn folder(path: &Path) -> PathBuf {
    match path.is_dir() {
        true => path.to_owned(),
        false => path.parent().unwrap_or(Path::new("")).to_owned(),
    }
}

/// AdapterHub's configuration has an object `config`, PEFT's a `peft_type`.
fn is_adapterhub(config: &Path) -> bool {
    config_field(config, "peft_type").is_none()
        && config_field(config, "config").is_some_and(|c| c.is_object())
}

/// A field of a JSON file; `None` also where that is not to be had, which the readers tell better.
fn config_field(config: &Path, field: &str) -> Option<Value> {
    let json: Value = serde_json::from_str(&read::text(config).ok()?).ok()?;
    json.get(field).filter(|value| !value.is_null()).cloned()
}
