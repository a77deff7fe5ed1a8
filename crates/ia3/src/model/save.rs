//! A model as a folder of Hugging Face.

use std::path::Path;

use ia3_guard::{Limit, read_text};
use ia3_io::{CheckpointOptions, SavedCheckpoint, save_checkpoint_with};
use ia3_models::ModelConfig;
use serde_json::{Map, Value};

use super::{Attached, Model};
use crate::error::Error;
use crate::pretrained::read_config;

impl Model {
    /// Writes the model as a folder of Hugging Face, which transformers loads: the weights, and the configuration and the
    /// tokenizer of the folder that the model was read from. Weights that are in the folder already are replaced. The files
    /// are one unit, see [`save_checkpoint`](ia3_io::save_checkpoint).
    ///
    /// # Errors
    ///
    /// [`Error::AdaptersAttached`] for a model with adapters, [`Error::NoFolder`] for a model that was made in memory, and
    /// [`Error::Checkpoint`] where the folder cannot be written or is the one that the model was read from.
    pub fn save_pretrained(&self, dir: impl AsRef<Path>) -> Result<SavedCheckpoint, Error> {
        self.save_pretrained_with(dir, &CheckpointOptions::new().with_overwrite(true))
    }

    /// As [`save_pretrained`](Self::save_pretrained), with options: shards, metadata, weights that must not be replaced.
    ///
    /// # Errors
    ///
    /// The errors are those of [`save_pretrained`](Self::save_pretrained).
    pub fn save_pretrained_with(
        &self,
        dir: impl AsRef<Path>,
        options: &CheckpointOptions,
    ) -> Result<SavedCheckpoint, Error> {
        if !matches!(self.adapters, Attached::None) {
            return Err(Error::AdaptersAttached);
        }
        let base = self.folder().ok_or(Error::NoFolder)?;
        let mut options = options.clone().with_base(base).with_sidecars(true);
        options.config =
            options.config.map_or_else(|| self.config_with_num_labels(base), |text| Ok(Some(text)))?;
        Ok(save_checkpoint_with(&self.module, &dir, &options)?)
    }

    /// The text of `config.json` where a classifier has another number of classes than the file of the base says.
    fn config_with_num_labels(&self, base: &Path) -> Result<Option<String>, Error> {
        let Some(labels) = self.module.num_labels() else { return Ok(None) };
        if matches!(read_config(base)?, ModelConfig::Bert(said) if said.labels() == labels) {
            return Ok(None);
        }
        let path = base.join("config.json");
        let read = |source| Error::ReadConfig { path: path.clone(), source };
        let text = read_text(&path, Limit::CONFIG).map_err(|error| read(error.reason()))?;
        let mut fields: Map<String, Value> = serde_json::from_str(&text).map_err(|e| read(e.into()))?;
        ["id2label", "label2id"].into_iter().for_each(|names| drop(fields.remove(names)));
        fields.insert("num_labels".into(), labels.into());
        let text = serde_json::to_string_pretty(&fields).map_err(|e| read(e.into()))?;
        Ok(Some(text + "\n"))
    }
}
