use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ia3_gguf::{GgufFile, is_gguf};
use ia3_guard::{Limit, caught, quote, quote_path, read_bytes};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::{Encoding, PostProcessor, TruncationDirection};

use crate::error::DataError;
use crate::gguf::tokenizer_json;
use crate::long_text::{head, whole};
use crate::model_kind::ModelKind;
use crate::tokenizer_files::{TokenizerFiles, text_of_bytes};
use crate::tokenizer_limits::{check, check_maps};

/// The tokenizer of a base model. Padding and truncation are off, whatever its file says.
///
/// Files are not trusted: a panic of the crate `tokenizers` is an error, and a text is tokenised no further than needed.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    tokenizer: tokenizers::Tokenizer,
    file: Option<PathBuf>,
    vocab_size: Option<usize>,
    /// The end of ByT5's bytes, which a text has once, even where it ends with it already.
    single_end: Option<u32>,
}

impl Tokenizer {
    /// Reads Hugging Face's `tokenizer.json`.
    ///
    /// # Errors
    ///
    /// [`DataError::Tokenizer`] if the file cannot be read or has no use: if it has more than 256 MiB, multiplies texts by
    /// more than 100, adds more than 1,000 tokens to a text, or fails for a short text.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let bytes = read_bytes(path, Limit::TOKENIZER);
        Self::of_json(&bytes.map_err(|error| failed(path)(error.reason().to_string()))?, path)
    }

    /// The tokenizer of a base: what the files of its folder make together, or what the metadata of a GGUF file says. `None` if
    /// the base has none.
    ///
    /// A folder has `tokenizer.json`, or `vocab.txt` of BERT's classes, `vocab.json` with `merges.txt` of the classes of GPT-2,
    /// RoBERTa, BART, GPT-NeoX and Qwen 2, or `spiece.model` of T5's; ByT5's class needs none. Beside them
    /// `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json` add tokens, and set `do_lower_case`,
    /// `strip_accents`, `tokenize_chinese_chars` and `add_prefix_space`, as in transformers 5.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`DataError::Gguf`] for a damaged GGUF file and for a tokenizer that is not known: known are
    /// byte-level BPE with the splittings of GPT-2, SmolLM, Llama 3, Qwen 2 and Falcon, and SentencePiece's BPE and unigram.
    pub fn of_base(base: &Path) -> Result<Option<Self>, DataError> {
        if is_gguf(base) {
            let json = GgufFile::open(base).and_then(|file| tokenizer_json(&file)).map_err(Box::new)?;
            return json.map(|json| Self::of_json(json.as_bytes(), base)).transpose();
        }
        TokenizerFiles::read(base)?.map(Self::of_files).transpose()
    }

    fn of_files(files: TokenizerFiles) -> Result<Self, DataError> {
        let (path, end) = (files.path.clone(), files.single_end());
        let failed = failed(&path);
        let mut tokenizer = parsed(&files.json).map_err(&failed)?;
        caught(|| files.apply(&mut tokenizer)).unwrap_or_else(damaged).map_err(&failed)?;
        let tokenizer = Self::tried(tokenizer, &path)?;
        let single_end = end.and_then(|end| tokenizer.tokenizer.token_to_id(&end));
        Ok(Self { single_end, ..tokenizer })
    }

    /// Reads and tries the text of a `tokenizer.json`, which comes from the file `path`.
    fn of_json(bytes: &[u8], path: &Path) -> Result<Self, DataError> {
        Self::tried(parsed(bytes).map_err(failed(path))?, path)
    }

    /// The tokenizer that the file `path` describes, if it is of use.
    fn tried(tokenizer: tokenizers::Tokenizer, path: &Path) -> Result<Self, DataError> {
        let failed = failed(path);
        check(&tokenizer).map_err(&failed)?;
        let tokenizer = Self::new(tokenizer)?;
        let tokenizer = Self { file: Some(path.to_owned()), ..tokenizer };
        // Some faults show only when the tokenizer is used.
        let tried = tokenizer.encode("a", None).and_then(|ids| tokenizer.decode(&ids));
        match tried {
            Ok(_) => Ok(tokenizer),
            Err(DataError::Tokenizer { reason, .. }) => Err(failed(reason)),
            Err(error) => Err(error),
        }
    }

    /// Uses a tokenizer of the crate `tokenizers`.
    ///
    /// # Errors
    ///
    /// [`DataError::Tokenizer`] if its truncation cannot be switched off.
    pub fn new(mut tokenizer: tokenizers::Tokenizer) -> Result<Self, DataError> {
        let place = || "cannot switch off the truncation of the tokenizer".to_string();
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(None)
            .map_err(|e| DataError::Tokenizer { place: place(), reason: e.to_string() })?;
        Ok(Self { tokenizer, file: None, vocab_size: None, single_end: None })
    }

    /// Sets the number of ids of the model's vocabulary; an id outside it is an error from then on.
    pub fn with_vocab_size(self, vocab_size: usize) -> Self {
        Self { vocab_size: Some(vocab_size), ..self }
    }

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
        let mut encoding = self.without_end(encoding);
        let added = self.tokenizer.get_post_processor().map_or(0, |p| p.added_tokens(false));
        if let Some(max) = max.filter(|&max| encoding.len() + added > max) {
            if max <= added {
                return Err(DataError::NoRoom { max, added });
            }
            encoding.truncate(max - added, 0, TruncationDirection::Right);
            // A post-processor that writes the text several times would combine each rest with each other.
            encoding.take_overflowing();
        }
        self.post_processed(encoding, None)
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
        let limit = crate::long_text::MAX_TEXT;
        if bytes > limit {
            return Err(DataError::TextTooLong { bytes, limit });
        }
        let of_words = with_prefix_space(&self.tokenizer);
        let encode = || of_words.encode(words.iter().map(String::as_str).collect::<Vec<_>>(), false);
        let encoding = self.finished(self.guarded(encode)?, Some(max))?;
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

    /// The id of the mask token: that of `token`, or of `[MASK]` or `<mask>`.
    pub(crate) fn mask_id(&self, token: Option<&str>) -> Result<i64, DataError> {
        let id = |token: &str| self.tokenizer.token_to_id(token).map(i64::from);
        let found = match token {
            Some(token) => return self.id_of(token),
            None => ["[MASK]", "<mask>"].into_iter().find_map(id),
        };
        self.known(found.ok_or(DataError::NoMaskToken)?)
    }

    /// The number of ids of the model, or of the tokenizer if the model is not known.
    pub(crate) fn vocab_size(&self) -> usize {
        self.vocab_size.unwrap_or_else(|| self.tokenizer.get_vocab_size(true)).max(1)
    }

    /// The id of a token as the vocabulary spells it, such as `fra_Latn`.
    ///
    /// # Errors
    ///
    /// [`DataError::Tokenizer`] if there is no such token.
    pub fn id_of(&self, token: &str) -> Result<i64, DataError> {
        let missing = || DataError::Tokenizer {
            place: "cannot find a token".into(),
            reason: format!("the vocabulary has no `{}`; tokenizer.json lists the tokens", quote(token)),
        };
        self.tokenizer.token_to_id(token).map(i64::from).ok_or_else(missing)
    }

    /// The text of ids, without special tokens.
    ///
    /// # Errors
    ///
    /// [`DataError::Tokenizer`] if the tokenizer fails.
    pub fn decode(&self, ids: &[i64]) -> Result<String, DataError> {
        let ids: Vec<u32> = ids.iter().filter_map(|&id| id.try_into().ok()).collect();
        match self.single_end {
            Some(_) => Ok(text_of_bytes(&ids)),
            None => self.guarded(|| self.tokenizer.decode(&ids, true)),
        }
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
            if let Some(text) = self.guarded(|| stream.step(id))? {
                write(&text);
            }
            Ok(())
        }
    }

    /// The tokens of a text, without special tokens. With `max` the text is tokenised only as far as it takes to know the
    /// first `max`.
    pub(crate) fn tokens(&self, text: &str, max: Option<usize>) -> Result<Encoding, DataError> {
        let encode = |text: &str| self.guarded(|| self.tokenizer.encode(text, false));
        match max {
            None => encode(whole(text)?),
            Some(max) => head(text, max, encode, Encoding::len),
        }
    }

    pub(crate) fn ids(&self, encoding: &Encoding) -> Result<Vec<i64>, DataError> {
        encoding.get_ids().iter().map(|&id| self.known(id.into())).collect()
    }

    /// The id, if the model has it.
    pub(crate) fn known(&self, id: i64) -> Result<i64, DataError> {
        let has = |size| usize::try_from(id).is_ok_and(|id| id < size);
        match self.vocab_size {
            Some(vocab_size) if !has(vocab_size) => Err(DataError::IdOutside { id, vocab_size }),
            _ => Ok(id),
        }
    }

    fn guarded<T>(&self, code: impl FnOnce() -> tokenizers::Result<T>) -> Result<T, DataError> {
        let result = caught(|| code().map_err(|error| error.to_string())).unwrap_or_else(damaged);
        result.map_err(|reason| {
            let file = self.file.as_deref().map(|file| format!(" {}", quote_path(file))).unwrap_or_default();
            DataError::Tokenizer { place: format!("the tokenizer{file} fails"), reason }
        })
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

/// The tokenizer that the text of a `tokenizer.json` describes.
fn parsed(json: &[u8]) -> Result<tokenizers::Tokenizer, String> {
    check_maps(json)?;
    let read = || tokenizers::Tokenizer::from_bytes(json).map_err(|error| error.to_string());
    caught(read).unwrap_or_else(damaged)
}

/// The error for a file that has no use, with its reason.
fn failed(path: &Path) -> impl Fn(String) -> DataError {
    let place = format!("cannot read {}", quote_path(path));
    move |reason| DataError::Tokenizer { place: place.clone(), reason }
}

/// The error for a panic of the crate `tokenizers`, which trusts its files.
fn damaged<T>(panic: String) -> Result<T, String> {
    Err(format!("it is damaged: {panic}"))
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
