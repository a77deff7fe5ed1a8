//! Writing an adapter file as PEFT's folder.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use burn::tensor::TensorData;
use ia3_config::Placement;
use safetensors::Dtype;

use crate::adapter::card::Card;
use crate::adapter::file::{AdapterFile, FileVector};
use crate::adapter::folder_write::write_folder;
use crate::adapter::{AdapterFileError, keys};
use crate::fs::{FolderWrite, OutputFolder, WrittenFiles};
use crate::safetensors::{Source, file_dtype};

impl AdapterFile {
    /// Writes the adapter as a folder of PEFT's. `placements` says what each vector multiplies, for the model card; see
    /// [`placements`](Self::placements).
    ///
    /// # Errors
    ///
    /// [`AdapterFileError::File`] if the folder cannot be written.
    pub fn save(
        &self,
        placements: &BTreeMap<String, Placement>,
        dir: impl AsRef<Path>,
    ) -> Result<WrittenFiles, AdapterFileError> {
        let folder = OutputFolder::lock(dir)?;
        self.write(placements, FolderWrite::new(&folder)?)
    }

    /// Writes the adapter as [`save`](Self::save) does, as the files of `write`, which it commits.
    ///
    /// # Errors
    ///
    /// [`AdapterFileError::File`] if the folder cannot be written.
    pub fn write(
        &self,
        placements: &BTreeMap<String, Placement>,
        write: FolderWrite,
    ) -> Result<WrittenFiles, AdapterFileError> {
        let mut config = self.config.clone();
        config.inference_mode = true;
        let vectors = self.vectors.iter().map(|(module, v)| Ok(vector(module, v)));
        let saved = self.saved.iter().map(|(name, data)| parameter(name, data));
        let tensors = vectors.chain(saved).collect::<Result<_, AdapterFileError>>()?;
        let mut card = Card::new(config.base_model_name_or_path.as_deref());
        for (module, placement) in placements {
            card.vector(module, *placement, self.vectors.get(module).map_or(0, |v| v.values.len()));
        }
        card.saved(self.saved.values().map(TensorData::num_elements));
        Ok(write_folder(write, tensors, &config, &card)?)
    }
}

fn vector<'a>(module: &str, vector: &'a FileVector) -> Source<'a> {
    Source {
        name: keys::vector_key(module),
        dtype: Dtype::F32,
        shape: vector.shape.clone(),
        write: Box::new(|out| vector.values.iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))),
    }
}

/// A parameter in Hugging Face's layout, as it was read.
fn parameter<'a>(name: &str, data: &'a TensorData) -> Result<Source<'a>, AdapterFileError> {
    Ok(Source {
        name: keys::parameter_key(name),
        dtype: file_dtype(data.dtype(), name)?,
        shape: data.shape().to_vec(),
        write: Box::new(|out: &mut dyn Write| out.write_all(data.bytes())),
    })
}
