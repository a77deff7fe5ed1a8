//! From an adapter to PEFT's folder.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use burn::tensor::{DType, TensorData};
use ia3_config::{Ia3Config, ModelInfo};
use ia3_core::{Adapter, Ia3Vector};
use safetensors::Dtype;

use crate::adapter_file::{CONFIG, WEIGHTS};
use crate::card::Card;
use crate::error::IoError;
use crate::names;
use crate::saved;
use crate::stage::Stage;
use crate::write::{Source, pytorch_metadata, write_tensors};

const CARD: &str = "README.md";
pub(crate) const DEFAULT: &str = "default";

/// What [`save_adapter`] may need to know; the default needs nothing.
#[derive(Clone, Debug, Default)]
pub struct AdapterOptions {
    /// The facts of the base. Needed only where an adapter holds matrices saved whole (`modules_to_save`), because
    /// the file's layout depends on the layer they belong to.
    pub base: Option<ModelInfo>,
    /// Name or path of the base model for `adapter_config.json`, instead of the one in the configuration.
    pub base_name: Option<String>,
}

impl AdapterOptions {
    /// Sets the facts of the base.
    pub fn with_base(mut self, base: ModelInfo) -> Self {
        self.base = Some(base);
        self
    }

    /// Sets the name or path of the base model.
    pub fn with_base_name(mut self, name: impl Into<String>) -> Self {
        self.base_name = Some(name.into());
        self
    }
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SavedAdapter {
    /// The files.
    pub files: Vec<PathBuf>,
    /// Their size together.
    pub bytes: u64,
}

/// Writes an adapter into a folder, as PEFT's `save_pretrained` does: `adapter_model.safetensors` (float32, the same
/// bytes for the same values), `adapter_config.json`, and a model card `README.md` where there is none yet.
///
/// The folder is made if need be. Each file is there whole or not at all; PEFT loads the folder.
///
/// # Errors
///
/// [`IoError::Io`] and [`IoError::NotAFolder`] where the folder cannot be written, [`IoError::UnknownLayout`] for a
/// matrix saved whole without [`AdapterOptions::base`].
pub fn save_adapter(
    adapter: &Adapter,
    dir: impl AsRef<Path>,
    options: &AdapterOptions,
) -> Result<SavedAdapter, IoError> {
    let dir = dir.as_ref();
    let mut adapter = adapter.clone();
    adapter.config.inference_mode = true;
    if let Some(name) = &options.base_name {
        adapter.config.base_model_name_or_path = Some(name.clone());
    }
    let tensors = tensors(&adapter, options.base.as_ref())?;
    write_folder(dir, tensors, &adapter.config, &card(&adapter))
}

/// The text of the model card that [`save_adapter`] writes: Hugging Face's front matter, the vectors, how to use them.
pub fn model_card(adapter: &Adapter) -> String {
    card(adapter).text()
}

fn card(adapter: &Adapter) -> Card<'_> {
    let mut card = Card::new(adapter.config.base_model_name_or_path.as_deref());
    adapter.vectors.iter().for_each(|(path, vector)| card.vector(path, vector.placement, vector.len()));
    card.saved(adapter.saved.values().map(TensorData::num_elements));
    card
}

/// Writes the files of an adapter, all or none; a card only where there is none yet.
pub(crate) fn write_folder(
    dir: &Path,
    tensors: Vec<Source>,
    config: &Ia3Config,
    card: &Card,
) -> Result<SavedAdapter, IoError> {
    let mut stage = Stage::new(dir)?;
    stage.file(WEIGHTS, |out| write_tensors(out, tensors, &pytorch_metadata()))?;
    stage.text(CONFIG, &config.to_json())?;
    if !dir.join(CARD).exists() {
        stage.text(CARD, &card.text())?;
    }
    let (files, bytes) = stage.commit()?;
    Ok(SavedAdapter { files, bytes })
}

/// Writes named adapters as PEFT does: `default` into `dir` itself, any other into the sub-folder of its name.
///
/// # Errors
///
/// As [`save_adapter`], and [`IoError::AdapterName`] or [`IoError::DuplicateAdapter`] for a name that is empty, has
/// a `.` or a path separator, or appears twice; then nothing is written.
pub fn save_adapters(
    adapters: &[(&str, &Adapter)],
    dir: impl AsRef<Path>,
    options: &AdapterOptions,
) -> Result<Vec<SavedAdapter>, IoError> {
    let mut names = BTreeSet::new();
    for (name, _) in adapters {
        check_adapter_name(name)?;
        if !names.insert(name) {
            return Err(IoError::DuplicateAdapter { name: name.to_string() });
        }
    }
    let folder = |name: &str| match name {
        DEFAULT => dir.as_ref().to_owned(),
        name => dir.as_ref().join(name),
    };
    adapters.iter().map(|(name, adapter)| save_adapter(adapter, folder(name), options)).collect()
}

/// What stands for the base where rows of a batch name their adapters; PEFT's word.
pub const BASE_NAME: &str = "__base__";

/// Whether PEFT allows the name, and a folder can have it.
///
/// # Errors
///
/// [`IoError::AdapterName`] for a name that is empty or [`BASE_NAME`], or has a `.`, a path separator or a NUL.
pub fn check_adapter_name(name: &str) -> Result<(), IoError> {
    match name.is_empty() || name == BASE_NAME || name.contains(['.', '/', '\\', '\0']) {
        true => Err(IoError::AdapterName { name: name.to_string() }),
        false => Ok(()),
    }
}

fn tensors<'a>(adapter: &'a Adapter, base: Option<&ModelInfo>) -> Result<Vec<Source<'a>>, IoError> {
    let vectors = adapter.vectors.iter().map(|(path, v)| Ok(vector(path, v)));
    let saved = adapter.saved.iter().map(|(path, data)| parameter(path, data, base));
    vectors.chain(saved).collect()
}

fn vector<'a>(path: &str, vector: &'a Ia3Vector) -> Source<'a> {
    let values = vector.values();
    Source {
        name: names::vector_key(path),
        dtype: Dtype::F32,
        shape: vector.placement.file_shape(vector.len(), vector.weight_rank()),
        write: Box::new(move |out| {
            let data = values.try_into_data().map_err(io::Error::other)?;
            out.write_all(data.bytes())
        }),
    }
}

fn parameter<'a>(path: &str, data: &'a TensorData, base: Option<&ModelInfo>) -> Result<Source<'a>, IoError> {
    let mut shape = data.shape().to_vec();
    let (name, transposed) = saved::to_file(path, shape.len(), base)?;
    if transposed {
        shape.reverse();
    }
    let write = move |out: &mut dyn io::Write| match transposed {
        true => out.write_all(saved::transpose(data.clone()).bytes()),
        false => out.write_all(data.bytes()),
    };
    Ok(Source {
        name: names::parameter_key(&name),
        dtype: file_dtype(data.dtype(), path)?,
        shape,
        write: Box::new(write),
    })
}

/// The dtype of the format; float32 that a device may compute faster is float32.
pub(crate) fn file_dtype(dtype: DType, parameter: &str) -> Result<Dtype, IoError> {
    match dtype {
        DType::F64 => Ok(Dtype::F64),
        DType::F32 | DType::Flex32 => Ok(Dtype::F32),
        DType::F16 => Ok(Dtype::F16),
        DType::BF16 => Ok(Dtype::BF16),
        other => {
            Err(IoError::ParameterDtype { parameter: parameter.to_string(), dtype: format!("{other:?}") })
        }
    }
}
