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
    /// [`Error::Io`](crate::Error) where the folder cannot be written or is the one that the model was read from.
    pub fn save_pretrained(&self, dir: impl AsRef<Path>) -> Result<SavedCheckpoint, Error> {
        let mut options = CheckpointOptions::default();
        options.overwrite = true;
        self.save_pretrained_with(dir, &options)
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
        let mut options = options.clone();
        options.base = Some(base.into());
        copy_sidecars(base, &dir)?;
        Ok(save_checkpoint_with(&self.module, dir, &options)?)
    }
}
