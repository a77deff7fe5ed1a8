//! From texts to ids.

use std::borrow::Cow;
use std::ops::Range;

use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::{Encoding, PostProcessor, TruncationDirection};

use super::Tokenizer;
use crate::error::DataError;
use crate::long_text::{MAX_TEXT, head, whole};
use crate::model_kind::ModelKind;

impl Tokenizer {
    /// The ids of a text, with the special tokens of the tokenizer. If there are more than `max` ids, special tokens
    /// included, the text is truncated on the right.
    ///
    /// # Errors
    ///
    /// [`DataError::NoRoom`] if the text has to be truncated and the special tokens alone fill `max`;
    /// [`DataError::TextTooLong`] for a text of more than 4 MiB without `max`; [`DataError::IdOutside`] for an id that the
    /// model does not have; [`DataError::Tokenizer`] if the tokenizer fails.
    pub fn encode(&self, text: &str, max: Option<usize>) -> Result<Vec<i64>, DataError> {
        let encoding = self.finished(self.tokens(text, max)?, max)?;
        self.ids(&encoding)
    }

    /// The ids of a text that an encoder-decoder is to write. They differ from those of [`encode`](Self::encode) where the
    /// tokenizer has another model for these texts, as Marian's has, and where `tgt_lang` names another language than that of the
    /// texts that the model reads.
    ///
    /// # Errors
    ///
    /// The errors are those of [`encode`](Self::encode).
    pub fn encode_target(&self, text: &str, max: Option<usize>) -> Result<Vec<i64>, DataError> {
        let tokens = self.tokens_of(text, max, true)?;
        let encoding = match &self.of_target {
            None => self.finished(tokens, max)?,
            Some(post) => {
                let tokens = self.truncated(tokens, max, post.added_tokens(false))?;
                self.guarded(|| post.process(tokens, None, true))?
            }
        };
        self.ids(&encoding)
    }

    /// The ids of two texts, such as a question and a passage, with the special tokens between and around them, and the type of
    /// each id: 0 in the first text and 1 in the second, or 0 in both where the tokenizer knows no types. If there are more than
    /// `max` ids, the longer text loses its last ids first, as `longest_first` of transformers does.
    ///
    /// # Errors
    ///
    /// The errors are those of [`encode`](Self::encode).
    pub fn encode_pair(
        &self,
        first: &str,
        second: &str,
        max: Option<usize>,
    ) -> Result<(Vec<i64>, Vec<i64>), DataError> {
        let tokens = |text| Ok::<_, DataError>(self.without_end(self.tokens(text, max)?));
        let (mut first, mut second) = (tokens(first)?, tokens(second)?);
        let added = self.added_to_pair();
        if let Some(max) = max.filter(|&max| first.len() + second.len() + added > max) {
            if max <= added {
                return Err(DataError::NoRoom { max, added });
            }
            let (a, b) = shares(first.len(), second.len(), max - added);
            for (encoding, len) in [(&mut first, a), (&mut second, b)] {
                encoding.truncate(len, 0, TruncationDirection::Right);
                encoding.take_overflowing();
            }
        }
        let both = self.guarded(|| self.tokenizer.post_process(first, Some(second), true))?;
        let types = both.get_type_ids().iter().map(|kind| i64::from(*kind)).collect();
        Ok((self.ids(&both)?, types))
    }

    /// The tokens with the special tokens, truncated on the right to `max`.
    fn finished(&self, encoding: Encoding, max: Option<usize>) -> Result<Encoding, DataError> {
        let added = self.tokenizer.get_post_processor().map_or(0, |p| p.added_tokens(false));
        self.post_processed(self.truncated(encoding, max, added)?, None)
    }

    /// The tokens, truncated on the right so that there is room for `added` special tokens in `max`.
    fn truncated(&self, encoding: Encoding, max: Option<usize>, added: usize) -> Result<Encoding, DataError> {
        let mut encoding = self.without_end(encoding);
        if let Some(max) = max.filter(|&max| encoding.len() + added > max) {
            if max <= added {
                return Err(DataError::NoRoom { max, added });
            }
            encoding.truncate(max - added, 0, TruncationDirection::Right);
            // A post-processor that writes the text several times would combine each rest with each other.
            encoding.take_overflowing();
        }
        Ok(encoding)
    }

    /// One text or two with the special tokens.
    pub(crate) fn post_processed(
        &self,
        encoding: Encoding,
        second: Option<Encoding>,
    ) -> Result<Encoding, DataError> {
        self.guarded(|| self.tokenizer.post_process(encoding, second, true))
    }

    /// The number of special tokens that two texts get.
    pub(crate) fn added_to_pair(&self) -> usize {
        self.tokenizer.get_post_processor().map_or(0, |p| p.added_tokens(true))
    }

    /// The tokens without the end that the text has, where a text has only one.
    pub(crate) fn without_end(&self, mut encoding: Encoding) -> Encoding {
        if self.single_end.is_some_and(|end| encoding.get_ids().last() == Some(&end)) {
            encoding.truncate(encoding.len() - 1, 0, TruncationDirection::Right);
            encoding.take_overflowing();
        }
        encoding
    }

    /// The ids of words, with the special tokens of the tokenizer, and the position of the word of each id, which is `None` for
    /// special tokens. If there are more than `max` ids, they are truncated on the right.
    ///
    /// The words are taken as they are; a tokenizer of bytes puts a space before each of them, as transformers does with
    /// `add_prefix_space`.
    ///
    /// # Errors
    ///
    /// The errors are those of [`encode`](Self::encode).
    pub fn encode_words(
        &self,
        words: &[String],
        max: usize,
    ) -> Result<(Vec<i64>, Vec<Option<usize>>), DataError> {
        let bytes: usize = words.iter().map(String::len).sum();
        let limit = MAX_TEXT;
        if bytes > limit {
            return Err(DataError::TextTooLong { bytes, limit });
        }
        let of_words = with_prefix_space(&self.tokenizer);
        let encode = || of_words.encode(words.iter().map(String::as_str).collect::<Vec<_>>(), false);
        let tokens = match &self.pieces {
            Some(pieces) => pieces.encode_words(words),
            None => self.guarded(encode)?,
        };
        let encoding = self.finished(tokens, Some(max))?;
        let word_of = encoding.get_word_ids().iter().map(|word| word.map(|word| word as usize)).collect();
        Ok((self.ids(&encoding)?, word_of))
    }

    /// The ids of a prompt, from which `model` generates. For a decoder without an encoder the end token that the tokenizer
    /// adds is removed, because the model continues the text.
    ///
    /// # Errors
    ///
    /// The errors are those of [`encode`](Self::encode).
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

    /// The ids of a text, without special tokens: all of them, or the first `max`.
    ///
    /// # Errors
    ///
    /// The errors are those of [`encode`](Self::encode).
    pub fn encode_plain(&self, text: &str, max: Option<usize>) -> Result<Vec<i64>, DataError> {
        let mut encoding = self.tokens(text, max)?;
        encoding.truncate(max.unwrap_or(usize::MAX), 0, TruncationDirection::Right);
        self.ids(&encoding)
    }

    /// The first `max` ids of a text that has its special tokens in it, and the range of bytes that each stands for.
    pub(crate) fn encode_with_places(
        &self,
        text: &str,
        max: usize,
    ) -> Result<Vec<(i64, Range<usize>)>, DataError> {
        let encoding = self.tokens(text, Some(max))?;
        let places = encoding.get_offsets().iter().map(|&(start, end)| start..end);
        let ids = self.ids(&encoding)?.into_iter().zip(places);
        Ok(ids.take(max).collect())
    }

    /// As [`encode`](Self::encode), and for each id whether it is a special token.
    pub(crate) fn encode_marked(&self, text: &str, max: usize) -> Result<(Vec<i64>, Vec<bool>), DataError> {
        let encoding = self.finished(self.tokens(text, Some(max))?, Some(max))?;
        let special = encoding.get_special_tokens_mask().iter().map(|special| *special == 1).collect();
        Ok((self.ids(&encoding)?, special))
    }
    /// The tokens of a text, without special tokens. With `max` the text is tokenised only as far as it takes to know the
    /// first `max`.
    pub(crate) fn tokens(&self, text: &str, max: Option<usize>) -> Result<Encoding, DataError> {
        self.tokens_of(text, max, false)
    }

    /// As [`tokens`](Self::tokens), of a text that is a target or not.
    fn tokens_of(&self, text: &str, max: Option<usize>, is_target: bool) -> Result<Encoding, DataError> {
        let encode = |text: &str| match &self.pieces {
            Some(pieces) => Ok(pieces.encode(text, is_target)),
            None => self.guarded(|| self.tokenizer.encode(text, false)),
        };
        match max {
            None => encode(whole(text)?),
            Some(max) => head(text, max, encode, Encoding::len),
        }
    }

    pub(crate) fn ids(&self, encoding: &Encoding) -> Result<Vec<i64>, DataError> {
        encoding.get_ids().iter().map(|&id| self.known(id.into())).collect()
    }
}

/// How many tokens of two texts are kept if there is room for `room`: the longer one loses tokens until both have the same number,
/// then both do.
fn shares(first: usize, second: usize, room: usize) -> (usize, usize) {
    let half = room / 2;
    match (first <= half, second <= half) {
        (true, _) => (first, room - first),
        (_, true) => (room - second, second),
        _ if first > second => (room - half, half),
        _ => (half, room - half),
    }
}
/// The tokenizer for words: one of bytes starts each word with a space.
fn with_prefix_space(tokenizer: &tokenizers::Tokenizer) -> Cow<'_, tokenizers::Tokenizer> {
    let Some(PreTokenizerWrapper::ByteLevel(bytes)) = tokenizer.get_pre_tokenizer() else {
        return Cow::Borrowed(tokenizer);
    };
    if bytes.add_prefix_space {
        return Cow::Borrowed(tokenizer);
    }
    let mut of_words = tokenizer.clone();
    of_words.with_pre_tokenizer(Some(bytes.add_prefix_space(true)));
    Cow::Owned(of_words)
}
