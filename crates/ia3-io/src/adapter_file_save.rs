//! From an adapter file to PEFT's folder.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use burn::tensor::TensorData;
use ia3_config::Placement;
use safetensors::Dtype;

use crate::adapter_file::{AdapterFile, FileVector};
use crate::adapter_save::{SavedAdapter, file_dtype, write_folder};
use crate::card::Card;
use crate::error::IoError;
use crate::names;
use crate::write::Source;

/// Writes the folder; `placements` are those of the vectors.
pub(crate) fn save(
    file: &AdapterFile,
    placements: &BTreeMap<String, Placement>,
    dir: &Path,
) -> Result<SavedAdapter, IoError> {
    let mut config = file.config.clone();
    config.inference_mode = true;
    let vectors = file.vectors.iter().map(|(module, v)| Ok(vector(module, v)));
    let saved = file.saved.iter().map(|(name, data)| parameter(name, data));
    let tensors = vectors.chain(saved).collect::<Result<_, _>>()?;
    let mut card = Card::new(config.base_model_name_or_path.as_deref());
    for (module, placement) in placements {
        card.vector(module, *placement, file.vectors.get(module).map_or(0, |v| v.values.len()));
    }
    card.saved(file.saved.values().map(TensorData::num_elements));
    write_folder(dir, tensors, &config, &card)
}

fn vector<'a>(module: &str, vector: &'a FileVector) -> Source<'a> {
    Source {
        name: names::vector_key(module),
        dtype: Dtype::F32,
        shape: vector.shape.clone(),
        write: Box::new(|out| vector.values.iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))),
    }
}

/// A parameter as the file had it, in Hugging Face's layout.
fn parameter<'a>(name: &str, data: &'a TensorData) -> Result<Source<'a>, IoError> {
    Ok(Source {
        name: names::parameter_key(name),
        dtype: file_dtype(data.dtype(), name)?,
        shape: data.shape().to_vec(),
        write: Box::new(|out: &mut dyn Write| out.write_all(data.bytes())),
    })
}
