//! The tokenizer of a base, which is read when it is first needed.

use std::path::{Path, PathBuf};
#[cfg(feature = "data")]
use std::sync::{Arc, OnceLock};

#[cfg(feature = "data")]
use ia3_data::{ModelKind, Tokenizer};
#[cfg(feature = "data")]
use ia3_models::{ProblemType, Task};

#[cfg(feature = "data")]
use super::Model;
#[cfg(feature = "data")]
use crate::error::Error;

/// The tokenizer of a base, if it has one, read when it is first needed.
#[derive(Clone, Debug, Default)]
pub(super) struct LazyTokenizer {
    #[cfg_attr(not(feature = "data"), allow(dead_code))]
    base: Option<PathBuf>,
    #[cfg(feature = "data")]
    text: Arc<OnceLock<Option<Tokenizer>>>,
}

impl LazyTokenizer {
    pub(super) fn of(base: &Path) -> Self {
        Self { base: Some(base.to_owned()), ..Self::default() }
    }
}

#[cfg(feature = "data")]
impl LazyTokenizer {
    fn text(&self, vocab_size: usize) -> Result<Option<&Tokenizer>, Error> {
        let Some(base) = &self.base else { return Ok(None) };
        if self.text.get().is_none() {
            let tokenizer = Tokenizer::of_base(base)?.map(|tokenizer| tokenizer.with_vocab_size(vocab_size));
            let _ = self.text.set(tokenizer); // Another thread may have read the same file.
        }
        Ok(self.text.get().and_then(Option::as_ref))
    }
}

#[cfg(feature = "data")]
impl Model {
    /// The tokenizer, if the folder or the metadata of the GGUF file has one ([`Tokenizer::of_base`]). The first call reads it.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] for a file that is not a tokenizer.
    pub fn tokenizer(&self) -> Result<Option<&Tokenizer>, Error> {
        self.base.tokenizer.text(self.module().vocab_size())
    }

    /// The tokenizer, which the caller cannot do without.
    pub(crate) fn text(&self) -> Result<&Tokenizer, Error> {
        let missing = || Error::NoTokenizer { folder: self.folder().map(Into::into) };
        self.tokenizer()?.ok_or_else(missing)
    }

    /// How a tokenizer prepares texts for this model.
    pub fn kind(&self) -> ModelKind {
        model_kind(self.module())
    }

    /// Returns the text of token ids, without special tokens.
    ///
    /// # Errors
    ///
    /// [`Error::NoTokenizer`] for a folder without a tokenizer, and [`Error::Data`] for ids that have no text.
    pub fn decode(&self, ids: &[i64]) -> Result<String, Error> {
        Ok(self.text()?.decode(ids)?)
    }
}

/// How a tokenizer prepares texts for `model`.
#[cfg(feature = "data")]
pub fn model_kind(model: &ia3_models::Model) -> ModelKind {
    match model.task() {
        Task::Seq2SeqLm | Task::SpeechSeq2Seq => ModelKind::EncoderDecoder,
        Task::CausalLm => ModelKind::Decoder { ends: model.generation_config(0).eos_token_id },
        Task::TokenClassification => ModelKind::TokenClassifier,
        Task::QuestionAnswering => ModelKind::QuestionAnswerer,
        Task::MaskedLm => ModelKind::MaskedLm,
        Task::MultipleChoice => ModelKind::MultipleChoice,
        _ => match model.problem() {
            Some(ProblemType::Regression) => ModelKind::Regression,
            Some(ProblemType::MultiLabelClassification) => {
                ModelKind::MultiLabel { labels: model.num_labels().unwrap_or(0) }
            }
            _ => ModelKind::Classifier,
        },
    }
}
