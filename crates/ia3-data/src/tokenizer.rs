use std::path::Path;

use tokenizers::{PostProcessor, TruncationDirection};

use crate::error::DataError;
use crate::model_kind::ModelKind;

/// The tokenizer of a base model. Padding and truncation are off, whatever its file says.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    tokenizer: tokenizers::Tokenizer,
}

impl Tokenizer {
    /// Reads Hugging Face's `tokenizer.json`.
    ///
    /// # Errors
    ///
    /// [`DataError::Tokenizer`] if the file cannot be read.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let failed = |error: tokenizers::Error| DataError::Tokenizer {
            place: format!("cannot read {}", path.display()),
            reason: error.to_string(),
        };
        tokenizers::Tokenizer::from_file(path).and_then(Self::plain).map_err(failed)
    }

    /// Uses a tokenizer of the crate `tokenizers`.
    ///
    /// # Errors
    ///
    /// [`DataError::Tokenizer`] if its truncation cannot be switched off.
    pub fn new(tokenizer: tokenizers::Tokenizer) -> Result<Self, DataError> {
        let place = "cannot switch off the truncation of the tokenizer".to_string();
        Self::plain(tokenizer).map_err(|e| DataError::Tokenizer { place, reason: e.to_string() })
    }

    fn plain(mut tokenizer: tokenizers::Tokenizer) -> Result<Self, tokenizers::Error> {
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None)?;
        Ok(Self { tokenizer })
    }

    /// The ids of a text, with the special tokens of the tokenizer. If there are more than `max` ids, special tokens
    /// included, the text is truncated on the right.
    ///
    /// # Errors
    ///
    /// [`DataError::NoRoom`] if the text has to be truncated and the special tokens alone fill `max`;
    /// [`DataError::Tokenizer`] if the tokenizer fails.
    pub fn encode(&self, text: &str, max: Option<usize>) -> Result<Vec<i64>, DataError> {
        let mut encoding = self.tokenizer.encode(text, false).map_err(failed)?;
        let added = self.tokenizer.get_post_processor().map_or(0, |p| p.added_tokens(false));
        if let Some(max) = max.filter(|&max| encoding.len() + added > max) {
            if max <= added {
                return Err(DataError::NoRoom { max, added });
            }
            encoding.truncate(max - added, 0, TruncationDirection::Right);
        }
        let encoding = self.tokenizer.post_process(encoding, None, true).map_err(failed)?;
        Ok(ids(&encoding))
    }

    /// The ids of a prompt, from which `model` generates. For a decoder without an encoder the end token that the tokenizer
    /// adds is removed, because the model continues the text.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode).
    pub fn encode_prompt(
        &self,
        text: &str,
        max: Option<usize>,
        model: &ModelKind,
    ) -> Result<Vec<i64>, DataError> {
        let mut ids = self.encode(text, max)?;
        if let ModelKind::Decoder { ends } = model
            && ids.len() > 1
        {
            ids.pop_if(|id| ends.contains(id));
        }
        Ok(ids)
    }

    /// The ids of a text, without special tokens.
    ///
    /// # Errors
    ///
    /// [`DataError::Tokenizer`] if the tokenizer fails.
    pub fn encode_plain(&self, text: &str) -> Result<Vec<i64>, DataError> {
        Ok(ids(&self.tokenizer.encode(text, false).map_err(failed)?))
    }

    /// The text of ids, without special tokens.
    ///
    /// # Errors
    ///
    /// [`DataError::Tokenizer`] if the tokenizer fails.
    pub fn decode(&self, ids: &[i64]) -> Result<String, DataError> {
        let ids: Vec<u32> = ids.iter().filter_map(|&id| id.try_into().ok()).collect();
        self.tokenizer.decode(&ids, true).map_err(failed)
    }

    /// Decodes ids that arrive one by one. The returned function takes the next id, and passes text to `write` as soon as
    /// further ids cannot change it.
    pub fn streaming<'a>(
        &'a self,
        mut write: impl FnMut(&str) + 'a,
    ) -> impl FnMut(i64) -> Result<(), DataError> + 'a {
        let mut stream = self.tokenizer.decode_stream(true);
        move |id| {
            let Ok(id) = id.try_into() else { return Ok(()) };
            if let Some(text) = stream.step(id).map_err(failed)? {
                write(&text);
            }
            Ok(())
        }
    }
}

fn ids(encoding: &tokenizers::Encoding) -> Vec<i64> {
    encoding.get_ids().iter().map(|&id| id.into()).collect()
}

fn failed(error: tokenizers::Error) -> DataError {
    DataError::Tokenizer { place: "the tokenizer fails".into(), reason: error.to_string() }
}
