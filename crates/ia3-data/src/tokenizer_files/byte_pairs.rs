//! `vocab.json` and `merges.txt`: byte-level BPE.

use ia3_guard::quote;
use serde_json::{Map, Value, json};

use super::class::TokenizerClass;
use super::config::TokenizerConfig;
use crate::tokenizer_parts::{Parts, QWEN_2, byte_level, split};

/// The text of the `tokenizer.json` with the pre-tokenizer and normaliser of the class.
pub(super) fn json(
    vocab: &Map<String, Value>,
    merges: &str,
    class: TokenizerClass,
    config: &TokenizerConfig,
) -> Result<Value, String> {
    let model = json!({
        "type": "BPE",
        "dropout": null,
        "unk_token": null,
        "continuing_subword_prefix": "",
        "end_of_word_suffix": "",
        "fuse_unk": false,
        "byte_fallback": false,
        "ignore_merges": false,
        "vocab": vocab,
        "merges": pairs(merges)?,
    });
    let prefix = config.flag("add_prefix_space", false);
    let normalizer = match class {
        TokenizerClass::Qwen2 | TokenizerClass::GptNeoX => json!({"type": "NFC"}),
        _ => Value::Null,
    };
    let pre_tokenizer = match class {
        TokenizerClass::Qwen2 => {
            json!({"type": "Sequence", "pretokenizers": [split(QWEN_2), byte_level(prefix, false)]})
        }
        _ => byte_level(prefix, true),
    };
    let decoder = byte_level(true, true);
    Ok(Parts { normalizer, pre_tokenizer, decoder, model }.json(vec![], Value::Null))
}

/// The pairs that are merged, in order: a line each, the two tokens with a space between.
fn pairs(text: &str) -> Result<Vec<[&str; 2]>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.starts_with("#version"));
    lines.map(|(number, line)| pair(number + 1, line)).collect()
}

fn pair(number: usize, line: &str) -> Result<[&str; 2], String> {
    let tokens: Vec<&str> = line.split(' ').collect();
    let expected =
        |_| format!("line {number} is `{}`, expected two tokens with a space between", quote(line));
    <[&str; 2]>::try_from(tokens).map_err(expected)
}
