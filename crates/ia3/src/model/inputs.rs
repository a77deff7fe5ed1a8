//! From the entries of a batch to tensors.

use ia3_models::{ModelInputs, PaddingSide};

use super::Model;
use crate::error::Error;
use crate::prompts::{Entries, Prompts};

impl Model {
    /// Prompts for generating: without the end of a text that the model goes on from, padded as the model needs it.
    pub(super) fn prompts(&self, prompts: Prompts) -> Result<ModelInputs, Error> {
        let rows = match prompts.0 {
            Entries::Inputs(inputs) => return Ok(*inputs),
            Entries::Ids(rows) => rows,
            #[cfg(feature = "data")]
            Entries::Texts(texts) => {
                let (text, kind) = (self.text()?, self.kind());
                let encode = |prompt: &String| text.encode_prompt(prompt, None, &kind);
                texts.iter().map(encode).collect::<Result<_, _>>()?
            }
        };
        self.padded(&rows, self.module.padding_side())
    }

    /// Whole texts or ids, padded on the right.
    pub(super) fn sequences(&self, prompts: Prompts) -> Result<ModelInputs, Error> {
        let rows = match prompts.0 {
            Entries::Inputs(inputs) => return Ok(*inputs),
            Entries::Ids(rows) => rows,
            #[cfg(feature = "data")]
            Entries::Texts(texts) => {
                let text = self.text()?;
                texts.iter().map(|entry| text.encode(entry, None)).collect::<Result<_, _>>()?
            }
        };
        self.padded(&rows, PaddingSide::Right)
    }

    fn padded(&self, rows: &[Vec<i64>], side: PaddingSide) -> Result<ModelInputs, Error> {
        Ok(self.module.batch(rows, side, &self.device())?)
    }
}
