//! Writing an adapter as PEFT's folder.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use burn::tensor::TensorData;
use ia3_config::ModelInfo;
use ia3_core::{Adapter, Ia3Vector};
use safetensors::Dtype;

use crate::adapter::card::Card;
use crate::adapter::folder_write::write_folder;
use crate::adapter::named::{DEFAULT, check_adapter_name};
use crate::adapter::{AdapterFileError, AdapterOptions, keys, modules_to_save};
use crate::fs::{FolderWrite, OutputFolder, WrittenFiles};
use crate::safetensors::{Source, file_dtype};

/// Writes an adapter into a folder as PEFT's `save_pretrained` does: `adapter_model.safetensors` (float32, the same bytes
/// for the same values), `adapter_config.json`, and a model card `README.md` if the folder has none. PEFT loads the folder.
///
/// The folder is created if it does not exist, and locked while it is written. The files are one unit: whatever interrupts the
/// write, the folder has the old adapter, the new one, or none that can be read; see [`FolderWrite`].
///
/// # Errors
///
/// [`AdapterFileError::File`] if the folder cannot be written or another process writes into it,
/// [`AdapterFileError::UnknownLayout`] for a matrix saved whole without [`AdapterOptions::base`]. Values that are NaN or
/// infinite are none; [`check_finite`](crate::check_finite) finds them.
pub fn save_adapter(adapter: &Adapter, dir: impl AsRef<Path>) -> Result<WrittenFiles, AdapterFileError> {
    save_adapter_with(adapter, dir, &AdapterOptions::new())
}

/// Writes an adapter as [`save_adapter`] does, with options.
///
/// # Errors
///
/// The errors are those of [`save_adapter`].
pub fn save_adapter_with(
    adapter: &Adapter,
    dir: impl AsRef<Path>,
    options: &AdapterOptions,
) -> Result<WrittenFiles, AdapterFileError> {
    let folder = OutputFolder::lock(dir)?;
    write_adapter(adapter, FolderWrite::new(&folder)?, options)
}

/// Writes an adapter as [`save_adapter_with`] does, as the files of `write`, which it commits.
///
/// # Errors
///
/// The errors are those of [`save_adapter`].
pub fn write_adapter(
    adapter: &Adapter,
    write: FolderWrite,
    options: &AdapterOptions,
) -> Result<WrittenFiles, AdapterFileError> {
    let mut adapter = adapter.clone();
    adapter.config.inference_mode = true;
    if let Some(name) = &options.base_name {
        adapter.config.base_model_name_or_path = Some(name.clone());
    }
    let tensors = tensors(&adapter, options.base.as_ref())?;
    Ok(write_folder(write, tensors, &adapter.config, &card(&adapter))?)
}

/// The text of the model card that [`save_adapter`] writes: Hugging Face's front matter, a table of the vectors, and how to
/// load the adapter.
pub fn model_card(adapter: &Adapter) -> String {
    card(adapter).text()
}

fn card(adapter: &Adapter) -> Card<'_> {
    let mut card = Card::new(adapter.config.base_model_name_or_path.as_deref());
    adapter.vectors.iter().for_each(|(path, vector)| card.vector(path, vector.placement, vector.len()));
    card.saved(adapter.saved.values().map(TensorData::num_elements));
    card
}

/// Writes named adapters as PEFT does: `default` into `dir` itself, every other one into the sub-folder of its name.
///
/// # Errors
///
/// As [`save_adapter`], and [`AdapterFileError::AdapterName`] or [`AdapterFileError::DuplicateAdapter`] for a name that is empty, has
/// a `.` or a path separator, or appears twice; then nothing is written.
pub fn save_adapters(
    adapters: &[(&str, &Adapter)],
    dir: impl AsRef<Path>,
) -> Result<Vec<WrittenFiles>, AdapterFileError> {
    save_adapters_with(adapters, dir, &AdapterOptions::new())
}

/// Writes named adapters as [`save_adapters`] does, with options.
///
/// # Errors
///
/// The errors are those of [`save_adapters`].
pub fn save_adapters_with(
    adapters: &[(&str, &Adapter)],
    dir: impl AsRef<Path>,
    options: &AdapterOptions,
) -> Result<Vec<WrittenFiles>, AdapterFileError> {
    let mut names = BTreeSet::new();
    for (name, _) in adapters {
        check_adapter_name(name)?;
        if !names.insert(name) {
            return Err(AdapterFileError::DuplicateAdapter { name: name.to_string() });
        }
    }
    let folder = |name: &str| match name {
        DEFAULT => dir.as_ref().to_owned(),
        name => dir.as_ref().join(name),
    };
    adapters.iter().map(|(name, adapter)| save_adapter_with(adapter, folder(name), options)).collect()
}

fn tensors<'a>(adapter: &'a Adapter, base: Option<&ModelInfo>) -> Result<Vec<Source<'a>>, AdapterFileError> {
    let vectors = adapter.vectors.iter().map(|(path, v)| Ok(vector(path, v)));
    let saved = adapter.saved.iter().map(|(path, data)| parameter(path, data, base));
    vectors.chain(saved).collect()
}

fn vector<'a>(path: &str, vector: &'a Ia3Vector) -> Source<'a> {
    let values = vector.values();
    Source {
        name: keys::vector_key(path),
        dtype: Dtype::F32,
        shape: vector.placement.file_shape(vector.len(), vector.weight_rank()),
        write: Box::new(move |out| {
            let data = values.try_into_data().map_err(io::Error::other)?;
            out.write_all(data.bytes())
        }),
    }
}

fn parameter<'a>(
    path: &str,
    data: &'a TensorData,
    base: Option<&ModelInfo>,
) -> Result<Source<'a>, AdapterFileError> {
    let mut shape = data.shape().to_vec();
    let (name, transposed) = modules_to_save::to_file(path, shape.len(), base)?;
    if transposed {
        shape.reverse();
    }
    let write = move |out: &mut dyn io::Write| match transposed {
        true => out.write_all(modules_to_save::transpose(data.clone()).bytes()),
        false => out.write_all(data.bytes()),
    };
    Ok(Source {
        name: keys::parameter_key(&name),
        dtype: file_dtype(data.dtype(), path)?,
        shape,
        write: Box::new(write),
    })
}
