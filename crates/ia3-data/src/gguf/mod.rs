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
use crate::tokenizer_parts::{Parts, around};

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

/// The whole `tokenizer.json`. `bos` and `eos` say whether the special tokens are added where the file does not say it.
fn finished(
    parts: Parts,
    file: &GgufFile,
    vocabulary: &Vocabulary,
    bos: bool,
    eos: bool,
) -> Result<Value, GgufError> {
    let flag = |key: &str, default| {
        file.metadata().flag(&format!("tokenizer.ggml.{key}")).map(|flag| flag.unwrap_or(default))
    };
    let special = |name| vocabulary.special(file, name).map(|(id, token)| (token, id as u32));
    let bos = flag("add_bos_token", bos)?.then(|| special("bos")).transpose()?;
    let eos = flag("add_eos_token", eos)?.then(|| special("eos")).transpose()?;
    Ok(parts.json(vocabulary.added_tokens(), around(bos, eos, 0)))
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
