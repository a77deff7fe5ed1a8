mod encode;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ia3_gguf::{GgufFile, is_gguf};
use ia3_guard::{Limit, caught, quote, quote_path, read_bytes};
use tokenizers::PostProcessorWrapper;

use crate::error::{DataError, MaskError};
use crate::gguf::tokenizer_json;
use crate::piece_tokenizer::PieceTokenizer;
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
    /// What makes tokens of a text in the place of the crate `tokenizers`, which then has the vocabulary and the template alone.
    pieces: Option<Arc<PieceTokenizer>>,
    /// What adds the special tokens to a text that the model is to write, where they are others than those of a text that it reads.
    of_target: Option<PostProcessorWrapper>,
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
    /// A folder has `tokenizer.json`, or `vocab.txt` of the classes of BERT and ESM, `vocab.json` with `merges.txt` of the classes of
    /// GPT-2, RoBERTa, BART, GPT-NeoX, Qwen 2 and DeBERTa, or a model of SentencePiece of the classes of T5, XLM-RoBERTa, CamemBERT,
    /// mBART, NLLB, DeBERTa-v2, Llama, Gemma and Mistral, or with `vocab.json` of those of M2M-100 and Marian; ByT5's class needs
    /// none. Beside them
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

    fn of_files(mut files: TokenizerFiles) -> Result<Self, DataError> {
        let (path, end, pieces) = (files.path.clone(), files.single_end(), files.pieces.take());
        let failed = failed(&path);
        let mut tokenizer = parsed(&files.json).map_err(&failed)?;
        let of_target = caught(|| files.apply(&mut tokenizer)).unwrap_or_else(damaged).map_err(&failed)?;
        let tokenizer = Self::tried(tokenizer, pieces, &path)?;
        let single_end = end.and_then(|end| tokenizer.tokenizer.token_to_id(&end));
        Ok(Self { single_end, of_target, ..tokenizer })
    }

    /// Reads and tries the text of a `tokenizer.json`, which comes from the file `path`.
    fn of_json(bytes: &[u8], path: &Path) -> Result<Self, DataError> {
        Self::tried(parsed(bytes).map_err(failed(path))?, None, path)
    }

    /// The tokenizer that the file `path` describes, if it is of use.
    fn tried(
        tokenizer: tokenizers::Tokenizer,
        pieces: Option<PieceTokenizer>,
        path: &Path,
    ) -> Result<Self, DataError> {
        let failed = failed(path);
        check(&tokenizer).map_err(&failed)?;
        let tokenizer = Self::new(tokenizer)?;
        let tokenizer = Self { file: Some(path.to_owned()), pieces: pieces.map(Arc::new), ..tokenizer };
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
        Ok(Self { tokenizer, file: None, vocab_size: None, single_end: None, pieces: None, of_target: None })
    }

    /// Sets the number of ids of the model's vocabulary; an id outside it is an error from then on.
    pub fn with_vocab_size(self, vocab_size: usize) -> Self {
        Self { vocab_size: Some(vocab_size), ..self }
    }

    /// The id of the mask token: that of `token`, or of `[MASK]` or `<mask>`.
    pub(crate) fn mask_id(&self, token: Option<&str>) -> Result<i64, DataError> {
        let id = |token: &str| self.tokenizer.token_to_id(token).map(i64::from);
        let found = match token {
            Some(token) => return self.id_of(token),
            None => ["[MASK]", "<mask>"].into_iter().find_map(id),
        };
        self.known(found.ok_or(MaskError::NoMaskToken)?)
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
        match (&self.pieces, self.single_end) {
            (Some(pieces), _) => Ok(pieces.decoding.text(&ids)),
            (None, Some(_)) => Ok(text_of_bytes(&ids)),
            (None, None) => self.guarded(|| self.tokenizer.decode(&ids, true)),
        }
    }

    /// Decodes ids that arrive one by one. The returned function takes the next id, and passes text to `write` as soon as
    /// further ids cannot change it.
    pub fn streaming<'a>(
        &'a self,
        mut write: impl FnMut(&str) + 'a,
    ) -> impl FnMut(i64) -> Result<(), DataError> + 'a {
        let mut stream = self.tokenizer.decode_stream(true);
        let (mut seen, mut written) = (vec![], 0);
        move |id| {
            let Ok(id) = id.try_into() else { return Ok(()) };
            let text = match &self.pieces {
                Some(pieces) => {
                    seen.push(id);
                    pieces.decoding.rest(&seen, &mut written)
                }
                None => self.guarded(|| stream.step(id))?,
            };
            if let Some(text) = text {
                write(&text);
            }
            Ok(())
        }
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
