//! A model as a folder of Hugging Face.

use std::path::Path;

use ia3_io::{CheckpointOptions, SavedCheckpoint, copy_sidecars, save_checkpoint_with};

use super::{Attached, Model};
use crate::error::Error;

impl Model {
    /// Writes the model as a folder of Hugging Face, which transformers loads: the weights, and the configuration and the
    /// tokenizer of the folder that the model was read from. Weights that are in the folder already are replaced.
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
    /// As [`save_pretrained`](Self::save_pretrained).
    pub fn save_pretrained_with(
        &self,
        dir: impl AsRef<Path>,
        options: &CheckpointOptions,
    ) -> Result<SavedCheckpoint, Error> {
        if !matches!(self.adapters, Attached::None) {
            return Err(Error::AdaptersAttached);
        }
        let base = self.folder().ok_or(Error::NoFolder)?;
        copy_sidecars(base, &dir)?;
        Ok(save_checkpoint_with(&self.module, dir, &options.clone().with_base(base))?)
    }
}
