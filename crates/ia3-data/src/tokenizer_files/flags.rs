//! Fields of `tokenizer_config.json` that change what `tokenizer.json` says.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokenizers::{DecoderWrapper, NormalizerWrapper, PreTokenizerWrapper, Tokenizer};

use super::class::TokenizerClass;
use super::config::TokenizerConfig;
use crate::unigram::SPACE;

/// Sets what transformers takes from the fields rather than from the file: how BERT's tokenizer changes letters, and whether one
/// of bytes puts a space before a text.
pub(super) fn apply(
    tokenizer: &mut Tokenizer,
    class: TokenizerClass,
    config: &TokenizerConfig,
) -> tokenizers::Result<()> {
    match class {
        TokenizerClass::Bert => {
            let set = |part: &mut Value| set_letters(part, config);
            if let Some(normalizer) = changed(tokenizer.get_normalizer(), "BertNormalizer", &set)? {
                tokenizer.with_normalizer(Some(normalizer))?;
            }
        }
        TokenizerClass::Roberta
        | TokenizerClass::Gpt2
        | TokenizerClass::Qwen2
        | TokenizerClass::GptNeoX
        | TokenizerClass::Deberta => {
            let space = config.flag("add_prefix_space", false);
            let set = |part: &mut Value| part["add_prefix_space"] = space.into();
            if let Some(pre_tokenizer) = changed(tokenizer.get_pre_tokenizer(), "ByteLevel", &set)? {
                tokenizer.with_pre_tokenizer(Some(pre_tokenizer));
            }
        }
        TokenizerClass::Llama if !has(tokenizer.get_pre_tokenizer(), "ByteLevel")? => {
            set_space(tokenizer, config)?
        }
        _ => {}
    }
    Ok(())
}

/// Llama's class puts the space before a text, and after a special token if `legacy` is set, instead of the normaliser of the file.
/// A file with bytes is that of Llama 3, which stays as it is.
fn set_space(tokenizer: &mut Tokenizer, config: &TokenizerConfig) -> tokenizers::Result<()> {
    let prefix = config.flag("add_prefix_space", true);
    let scheme = match (prefix, config.flag("legacy", false)) {
        (false, _) => "never",
        (true, false) => "first",
        (true, true) => "always",
    };
    let space = json!({"type": "Metaspace", "replacement": SPACE, "prepend_scheme": scheme, "split": false});
    let mut decoders = vec![
        json!({"type": "Replace", "pattern": {"String": SPACE}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    decoders.extend(prefix.then(|| json!({"type": "Strip", "content": " ", "start": 1, "stop": 0})));
    tokenizer.with_normalizer(None::<NormalizerWrapper>)?;
    tokenizer.with_pre_tokenizer(Some(serde_json::from_value::<PreTokenizerWrapper>(space)?));
    let decoder = json!({"type": "Sequence", "decoders": decoders});
    tokenizer.with_decoder(Some(serde_json::from_value::<DecoderWrapper>(decoder)?));
    Ok(())
}

/// Sets the fields of a `BertNormalizer`.
pub(super) fn set_letters(normalizer: &mut Value, config: &TokenizerConfig) {
    normalizer["lowercase"] = config.flag("do_lower_case", true).into();
    normalizer["strip_accents"] = config.optional_flag("strip_accents").into();
    normalizer["handle_chinese_chars"] = config.flag("tokenize_chinese_chars", true).into();
}

/// The part with the fields set wherever it, or a part of its sequence, is of the kind; `None` if nothing changes.
fn changed<P: Serialize + DeserializeOwned>(
    part: Option<&P>,
    kind: &str,
    set: &impl Fn(&mut Value),
) -> tokenizers::Result<Option<P>> {
    let before = serde_json::to_value(part)?;
    let mut after = before.clone();
    visit(&mut after, kind, set);
    match before == after {
        true => Ok(None),
        false => Ok(Some(serde_json::from_value(after)?)),
    }
}

/// Whether a part, or one of its sequence, is of the kind.
fn has<P: Serialize>(part: Option<&P>, kind: &str) -> tokenizers::Result<bool> {
    let found = std::cell::Cell::new(false);
    visit(&mut serde_json::to_value(part)?, kind, &|_| found.set(true));
    Ok(found.get())
}

fn visit(part: &mut Value, kind: &str, set: &impl Fn(&mut Value)) {
    if part["type"] == kind {
        set(part);
    }
    for list in ["normalizers", "pretokenizers"] {
        for part in part.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            visit(part, kind, set);
        }
    }
}
