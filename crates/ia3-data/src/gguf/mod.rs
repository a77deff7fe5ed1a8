//! The tokenizer and the chat template in the metadata of a GGUF file.
//!
//! The tokenizer becomes the text of a `tokenizer.json`, so that it is checked and used as any other.

mod byte_level;
mod merges;
mod sentence_piece;
mod vocabulary;

use std::path::Path;

use ia3_gguf::{GgufError, GgufFile};
use serde_json::{Value, json};

use self::vocabulary::Vocabulary;
use crate::error::DataError;

const MODEL: &str = "tokenizer.ggml.model";

/// The text of a `tokenizer.json`; `None` if the file has no tokenizer.
pub(crate) fn tokenizer_json(file: &GgufFile) -> Result<Option<String>, GgufError> {
    let Some(model) = file.metadata().text(MODEL)? else { return Ok(None) };
    let parts = match model {
        "gpt2" => byte_level::parts(file, &Vocabulary::read(file)?)?,
        "llama" => sentence_piece::pairs(file, &Vocabulary::read(file)?)?,
        "t5" => sentence_piece::unigram(file, &Vocabulary::read(file)?)?,
        other => {
            let known =
                "`gpt2` (byte-level BPE), `llama` (SentencePiece BPE) or `t5` (SentencePiece unigram)";
            return Err(unknown(file, MODEL, other, known));
        }
    };
    Ok(Some(parts.to_string()))
}

/// The tokenizer of a GGUF file as the files that transformers reads, with their names: `tokenizer.json`, and
/// `tokenizer_config.json` with the special tokens and the chat template. None if the file has no tokenizer.
///
/// # Errors
///
/// [`DataError::Gguf`] for a damaged file and for a tokenizer that is not known.
pub fn gguf_tokenizer_files(path: &Path) -> Result<Vec<(&'static str, String)>, DataError> {
    Ok(GgufFile::open(path).and_then(|file| files(&file)).map_err(Box::new)?)
}

fn files(file: &GgufFile) -> Result<Vec<(&'static str, String)>, GgufError> {
    let Some(tokenizer) = tokenizer_json(file)? else { return Ok(vec![]) };
    let mut config =
        json!({"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": false});
    for (name, token) in special_tokens(file)? {
        config[name] = token.into();
    }
    if let Some(template) = chat_template(file)? {
        config["chat_template"] = template.into();
    }
    Ok(vec![("tokenizer.json", tokenizer), ("tokenizer_config.json", format!("{config:#}\n"))])
}

/// The special tokens that chat templates use as variables, with their names.
pub(crate) fn special_tokens(file: &GgufFile) -> Result<Vec<(String, String)>, GgufError> {
    let Some(tokens) = file.texts(vocabulary::TOKENS)? else { return Ok(vec![]) };
    let mut special = vec![];
    for (name, key) in [("bos", "bos"), ("eos", "eos"), ("unk", "unknown"), ("pad", "padding")] {
        let id = file.metadata().unsigned(&format!("tokenizer.ggml.{key}_token_id"))?;
        let token = id.and_then(|id| tokens.get(usize::try_from(id).ok()?));
        special.extend(token.map(|token| (format!("{name}_token"), token.clone())));
    }
    Ok(special)
}

/// The source of the chat template.
pub(crate) fn chat_template(file: &GgufFile) -> Result<Option<&str>, GgufError> {
    file.metadata().text("tokenizer.chat_template")
}

/// The parts of a tokenizer that differ between kinds.
struct Parts {
    normalizer: Value,
    pre_tokenizer: Value,
    decoder: Value,
    model: Value,
}

impl Parts {
    /// The whole `tokenizer.json`. `bos` and `eos` say whether the special tokens are added where the file does not say it.
    fn finished(
        self,
        file: &GgufFile,
        vocabulary: &Vocabulary,
        bos: bool,
        eos: bool,
    ) -> Result<Value, GgufError> {
        let flag = |key: &str, default| {
            file.metadata().flag(&format!("tokenizer.ggml.{key}")).map(|flag| flag.unwrap_or(default))
        };
        let bos = flag("add_bos_token", bos)?.then(|| vocabulary.special(file, "bos")).transpose()?;
        let eos = flag("add_eos_token", eos)?.then(|| vocabulary.special(file, "eos")).transpose()?;
        let Self { normalizer, pre_tokenizer, decoder, model } = self;
        Ok(json!({
            "version": "1.0",
            "truncation": null,
            "padding": null,
            "added_tokens": vocabulary.added_tokens(),
            "normalizer": normalizer,
            "pre_tokenizer": pre_tokenizer,
            "post_processor": post_processor(bos, eos),
            "decoder": decoder,
            "model": model,
        }))
    }
}

/// Adds the special tokens before and after a text.
fn post_processor(bos: Option<(usize, &str)>, eos: Option<(usize, &str)>) -> Value {
    if bos.is_none() && eos.is_none() {
        return Value::Null;
    }
    let item = |(_, token): (usize, &str)| json!({"SpecialToken": {"id": token, "type_id": 0}});
    let text = |id: &str| json!({"Sequence": {"id": id, "type_id": 0}});
    let around = |text| bos.map(item).into_iter().chain([text]).chain(eos.map(item)).collect::<Vec<_>>();
    let special = |(id, token): (usize, &str)| {
        (token.to_string(), json!({"id": token, "ids": [id], "tokens": [token]}))
    };
    let special: serde_json::Map<String, Value> = bos.into_iter().chain(eos).map(special).collect();
    let pair = [around(text("A")), around(text("B"))].concat();
    json!({
        "type": "TemplateProcessing",
        "single": around(text("A")),
        "pair": pair,
        "special_tokens": special,
    })
}

/// The error for a value of a key that is not one of those that are known.
fn unknown(file: &GgufFile, key: &str, found: &str, known: &str) -> GgufError {
    bad(
        file,
        key,
        format!(
            "is `{}`, expected {known}; put the tokenizer.json of the model to use in a folder with the model",
            ia3_guard::quote(found)
        ),
    )
}

fn bad(file: &GgufFile, key: &str, problem: String) -> GgufError {
    GgufError::Header { path: file.path().to_owned(), what: format!("the key `{key}`"), problem }
}
