//! From examples to token ids, as a model takes them.

#[cfg(feature = "data")]
use ia3_data::Encoder;
#[cfg(feature = "data")]
use ia3_models::ModelConfig;
use ia3_train::{Dataset, Example, Loss, LossConfig, loss};

use super::examples::{Examples, Source};
use crate::error::Error;
use crate::model::Model;

impl Model {
    /// Returns examples as token ids, so that they are read and tokenised once for several trainings or evaluations.
    ///
    /// # Errors
    ///
    /// [`Error::NoTokenizer`] for texts without a tokenizer, and [`Error::Data`] for a file that cannot be read and for
    /// examples that the model has no answer for.
    pub fn encode(&self, examples: impl Into<Examples>) -> Result<Dataset, Error> {
        let examples = examples.into();
        match &examples.source {
            Source::Tokens(data) => Ok(data.clone()),
            #[cfg(feature = "data")]
            Source::Texts(texts) => {
                let encoder = self.encoder(&examples)?;
                let encode = |example| encoder.encode_all(example);
                Ok(texts.iter().map(encode).collect::<Result<Vec<Vec<Example>>, _>>()?.concat().into())
            }
            #[cfg(feature = "data")]
            Source::File(path, layout) => {
                let rows = layout.read(path, &self.encoder(&examples)?)?;
                Ok(Dataset { rows }.with_windows_as_rows().0)
            }
        }
    }

    /// Returns the loss on examples with its terms, as tensors. It is the mean over this batch.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode), and [`Error::Train`] for examples that the model does not answer.
    pub fn loss(&self, examples: impl Into<Examples>) -> Result<Loss, Error> {
        let examples = self.encode(examples)?.rows.concat();
        let examples: Vec<&Example> = examples.iter().collect();
        Ok(loss(self.module(), &examples, &LossConfig::default())?)
    }

    #[cfg(feature = "data")]
    fn encoder(&self, examples: &Examples) -> Result<Encoder, Error> {
        let mut encoder = Encoder::new(self.text()?.clone(), self.kind());
        encoder.max_input_tokens = examples.max_input_tokens;
        encoder.max_target_tokens = examples.max_target_tokens;
        encoder.masking = examples.masking.clone();
        encoder.doc_stride = examples.doc_stride.unwrap_or(encoder.doc_stride);
        let names = || self.config().map(ModelConfig::label_names).unwrap_or_default();
        encoder.label_names = examples.label_names.clone().unwrap_or_else(names);
        Ok(encoder)
    }
}
