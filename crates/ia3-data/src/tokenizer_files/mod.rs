//! The tokenizer in the folder of a model, made of whatever files it has, as transformers makes it of them.

mod added;
mod byte_pairs;
mod bytes;
mod class;
mod config;
mod files;
mod flags;
mod languages;
mod residues;
mod sentence_piece;
mod special;
mod translators;
mod word_piece;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use ia3_guard::{Limit, quote_path, read_bytes};
use serde_json::{Map, Value};
use tokenizers::{AddedToken, PostProcessorWrapper, Tokenizer};

pub(crate) use self::bytes::text_of_bytes;
use self::class::TokenizerClass;
use self::config::TokenizerConfig;
use self::files::{model, text, unreadable};
use crate::error::DataError;
use crate::json_file::unusable;
use crate::piece_tokenizer::PieceTokenizer;

const TOKENIZER: &str = "tokenizer.json";
const MODEL: &str = "tokenizer.model";
/// The files that say that a folder has some tokenizer.
const VOCABULARIES: [&str; 9] = [
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    MODEL,
    "sentencepiece.bpe.model",
    "spm.model",
    "source.spm",
    "tiktoken.model",
    "tekken.json",
];

/// What a folder says of its tokenizer.
pub(crate) struct TokenizerFiles {
    /// The file of the vocabulary; the folder for a tokenizer that needs none.
    pub(crate) path: PathBuf,
    /// The text of the `tokenizer.json`, the file's or one that is made.
    pub(crate) json: Vec<u8>,
    class: TokenizerClass,
    config: TokenizerConfig,
    /// Whether the folder has no `tokenizer.json`.
    is_made: bool,
    /// More special tokens that the vocabulary has.
    special: Vec<AddedToken>,
    /// What makes tokens of a text, where [`json`](Self::json) does not.
    pub(crate) pieces: Option<PieceTokenizer>,
}

impl TokenizerFiles {
    /// Reads the files in a folder; `None` if it has no tokenizer.
    ///
    /// # Errors
    ///
    /// [`DataError::Tokenizer`] for a file that cannot be read or used, and for files of which no tokenizer is made here.
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>, DataError> {
        let mut config = TokenizerConfig::read(dir)?;
        let class = TokenizerClass::of(&config);
        let path = dir.join(TOKENIZER);
        if path.exists() {
            let json = read_bytes(&path, Limit::TOKENIZER).map_err(|error| unreadable(&path, error))?;
            return Ok(Some(Self {
                path,
                json,
                class,
                config,
                is_made: false,
                special: vec![],
                pieces: None,
            }));
        }
        let Some(Made { path, json, special, pieces }) = make(dir, class, &mut config)? else {
            return Ok(None);
        };
        let json = json.to_string().into_bytes();
        Ok(Some(Self { path, json, class, config, is_made: true, special, pieces }))
    }

    /// Applies the other files to the tokenizer that [`json`](Self::json) describes. It returns what adds the special tokens to a text
    /// that the model is to write, where they are others than those of a text that it reads.
    pub(crate) fn apply(mut self, tokenizer: &mut Tokenizer) -> Result<Option<PostProcessorWrapper>, String> {
        self.complete(tokenizer)?;
        special::target_template(tokenizer, self.class, &self.config)
    }

    fn complete(&mut self, tokenizer: &mut Tokenizer) -> Result<(), String> {
        if self.is_made && matches!(self.class, TokenizerClass::M2M100 | TokenizerClass::Marian) {
            return Ok(());
        }
        let text = |error: tokenizers::Error| error.to_string();
        flags::apply(tokenizer, self.class, &self.config).map_err(text)?;
        self.config.add_extra(std::mem::take(&mut self.special));
        added::add_tokens(tokenizer, self.class, &self.config).map_err(text)?;
        // The language of a translator's texts is that of the field, whatever the file says.
        let has_language = self.class.language().is_some() && self.config.language().is_some();
        match self.is_made || has_language {
            true => special::set_template(tokenizer, self.class, &self.config),
            false => Ok(()),
        }
    }

    /// The token that a text has once at its end, even where the text ends with it already.
    pub(crate) fn single_end(&self) -> Option<String> {
        let is_bytes = self.class == TokenizerClass::ByT5 && self.is_made;
        is_bytes
            .then(|| self.config.token("eos_token", self.class.special_tokens()))?
            .map(|token| token.content)
    }
}

/// A tokenizer that is made of other files than `tokenizer.json`.
struct Made {
    path: PathBuf,
    json: Value,
    special: Vec<AddedToken>,
    pieces: Option<PieceTokenizer>,
}

fn make(dir: &Path, class: TokenizerClass, config: &mut TokenizerConfig) -> Result<Option<Made>, DataError> {
    let find = |names: &[&str]| names.iter().map(|name| dir.join(name)).find(|path| path.exists());
    let made = |path: PathBuf, json: Value| Ok(Some(Made { path, json, special: vec![], pieces: None }));
    match class {
        TokenizerClass::ByT5 => return made(dir.to_owned(), bytes::json(config)),
        TokenizerClass::Bert => {
            if let Some(path) = find(&["vocab.txt"]) {
                let unknown = config.token("unk_token", class.special_tokens()).map(|token| token.content);
                let json = word_piece::json(&text(&path)?, &unknown.unwrap_or_default(), config);
                return made(path, json);
            }
        }
        TokenizerClass::Esm => {
            if let Some(path) = find(&["vocab.txt"]) {
                let json = residues::json(&text(&path)?, config);
                return made(path, json);
            }
        }
        TokenizerClass::M2M100 | TokenizerClass::Marian => {
            if let Some(path) = vocabulary_of_pieces(dir)? {
                let (json, pieces) = match class {
                    TokenizerClass::M2M100 => translators::m2m_100(&path, config)?,
                    _ => translators::marian(&path, config)?,
                };
                return Ok(Some(Made { path, json, special: vec![], pieces: Some(pieces) }));
            }
        }
        TokenizerClass::Roberta
        | TokenizerClass::Gpt2
        | TokenizerClass::Qwen2
        | TokenizerClass::GptNeoX
        | TokenizerClass::Deberta => {
            if let (Some(vocab), Some(merges)) = (find(&["vocab.json"]), find(&["merges.txt"])) {
                let tokens: Map<String, Value> = serde_json::from_str(&text(&vocab)?)
                    .map_err(|error| unusable(&vocab, error.to_string()))?;
                let json = byte_pairs::json(&tokens, &text(&merges)?, class, config);
                return made(vocab, json.map_err(|reason| unusable(&merges, reason))?);
            }
        }
        _ => {
            if let Some(path) = find(class.sentence_pieces()) {
                return of_pieces(path, class, config).map(Some);
            }
        }
    }
    if let Some(path) = find(&VOCABULARIES) {
        return Err(unknown(dir, &path, config));
    }
    versioned(dir).map_or(Ok(None), |path| {
        let reason =
            format!("a model is read under the name {MODEL} only, as in transformers; copy the file to it");
        Err(unusable(&path, reason))
    })
}

/// A model with a version behind its name, such as `tokenizer.model.v3`.
fn versioned(dir: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let is_version =
        |name: &OsString| name.to_str().is_some_and(|name| name.starts_with(&format!("{MODEL}.")));
    entries.map(|entry| entry.file_name()).filter(is_version).min().map(|name| dir.join(name))
}

/// The `vocab.json` of a tokenizer whose models of SentencePiece are in other files.
fn vocabulary_of_pieces(dir: &Path) -> Result<Option<PathBuf>, DataError> {
    const MODELS: [&str; 4] = [MODEL, "sentencepiece.bpe.model", "source.spm", "target.spm"];
    let path = dir.join("vocab.json");
    let model = MODELS.iter().map(|name| dir.join(name)).find(|path| path.exists());
    match (path.exists(), model) {
        (true, _) => Ok(Some(path)),
        (false, None) => Ok(None),
        (false, Some(model)) => {
            Err(unusable(&model, "vocab.json, which has the ids of its pieces, is missing".into()))
        }
    }
}

/// The tokenizer of a model of SentencePiece.
fn of_pieces(path: PathBuf, class: TokenizerClass, config: &mut TokenizerConfig) -> Result<Made, DataError> {
    let model = model(&path)?;
    let special = sentence_piece::added_by(class, &model);
    sentence_piece::complete(class, &model, config);
    let json = sentence_piece::json(class, model, config).map_err(|reason| unusable(&path, reason))?;
    Ok(Made { path, json, special, pieces: None })
}

/// The error for files of which no tokenizer is made here.
fn unknown(dir: &Path, path: &Path, config: &TokenizerConfig) -> DataError {
    let class = match config.class() {
        Some(class) => format!("of the class `{}`", ia3_guard::quote(class)),
        None => "without a `tokenizer_class`".into(),
    };
    let reason = format!(
        "a tokenizer {class} is read from tokenizer.json only; write it with python -c \"from transformers import \
         AutoTokenizer; AutoTokenizer.from_pretrained('DIR').save_pretrained('DIR')\", with {} for DIR",
        quote_path(dir)
    );
    unusable(path, reason)
}
