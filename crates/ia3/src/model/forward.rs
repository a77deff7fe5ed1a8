use burn::tensor::Tensor;

use super::Model;
use crate::error::Error;
use crate::prompts::Prompts;

impl Model {
    /// Returns the logits of a batch of texts, token ids or tensors.
    ///
    /// They are `[batch, seq, vocab]` of a language model, at the decoder's tokens for an encoder-decoder, and
    /// `[batch, 1, num_labels]` of a classifier. An encoder-decoder needs the decoder's ids too, which
    /// [`ModelInputs::seq2seq`](ia3_models::ModelInputs::seq2seq) takes.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] for an input that is missing or does not fit, [`Error::NoTokenizer`] for texts without a tokenizer.
    pub fn forward(&self, inputs: impl Into<Prompts>) -> Result<Tensor<3>, Error> {
        Ok(self.module.forward(&self.sequences(inputs.into())?)?)
    }

    /// Returns the logits at the last token of each batch entry, `[batch, vocab]`; `[batch, num_labels]` of a classifier.
    ///
    /// # Errors
    ///
    /// The errors are those of [`forward`](Self::forward).
    pub fn last_logits(&self, inputs: impl Into<Prompts>) -> Result<Tensor<2>, Error> {
        Ok(self.module.last_logits(&self.sequences(inputs.into())?)?)
    }
}
