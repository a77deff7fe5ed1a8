use std::path::Path;

use tokenizers::{PostProcessor, Tokenizer, TruncationDirection};

use crate::encoder::ModelKind;
use crate::error::DataError;

/// The tokenizer of a base; the padding and truncation that its file asks for are switched off.
#[derive(Clone, Debug)]
pub struct Text {
    tokenizer: Tokenizer,
}

impl Text {
    /// Reads Hugging Face's `tokenizer.json`.
    ///
    /// # Errors
    ///
    /// [`DataError::Tokenizer`].
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let failed = |error: tokenizers::Error| DataError::Tokenizer {
            place: format!("cannot read {}", path.display()),
            reason: error.to_string(),
        };
        Tokenizer::from_file(path).and_then(Self::plain).map_err(failed)
    }

    /// Takes a tokenizer.
    ///
    /// # Errors
    ///
    /// [`DataError::Tokenizer`].
    pub fn new(tokenizer: Tokenizer) -> Result<Self, DataError> {
        let place = "cannot switch truncation off".to_string();
        Self::plain(tokenizer).map_err(|e| DataError::Tokenizer { place, reason: e.to_string() })
    }

    fn plain(mut tokenizer: Tokenizer) -> Result<Self, tokenizers::Error> {
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None)?;
        Ok(Self { tokenizer })
    }

    /// Ids with the special tokens of the tokenizer; cuts longer texts to `max` tokens on the right, special ones
    /// included.
    ///
    /// # Errors
    ///
    /// [`DataError::NoRoom`] for a text to cut where the special tokens fill `max`, [`DataError::Tokenizer`].
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

    /// What a model generates from: a decoder alone goes on from a text that has not ended, whatever the tokenizer adds.
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

    /// Ids without special tokens.
    ///
    /// # Errors
    ///
    /// [`DataError::Tokenizer`].
    pub fn encode_plain(&self, text: &str) -> Result<Vec<i64>, DataError> {
        Ok(ids(&self.tokenizer.encode(text, false).map_err(failed)?))
    }

    /// Ids as text, without special tokens.
    ///
    /// # Errors
    ///
    /// [`DataError::Tokenizer`].
    pub fn decode(&self, ids: &[i64]) -> Result<String, DataError> {
        let ids: Vec<u32> = ids.iter().filter_map(|&id| id.try_into().ok()).collect();
        self.tokenizer.decode(&ids, true).map_err(failed)
    }

    /// The text of ids that come one by one, for `write` as soon as it is certain.
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
