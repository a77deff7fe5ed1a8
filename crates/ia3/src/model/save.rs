//! A model as a folder of Hugging Face.

use std::path::Path;

use ia3_io::{CheckpointOptions, SavedCheckpoint, save_checkpoint_with};

use super::{Attached, Model};
use crate::error::Error;
use crate::model_config::config_text;

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
        if options.config.is_none() {
            options.config = config_text(&self.module, base)?;
        }
        options.names.extend(self.module.checkpoint_names());
        Ok(save_checkpoint_with(&self.module, &dir, &options)?)
    }
}
