//! Byte-level BPE, which llama.cpp calls `gpt2`. How a text is split before the merges is known by a name.

use ia3_gguf::{GgufError, GgufFile};
use ia3_guard::quote;
use serde_json::{Value, json};

use super::vocabulary::Vocabulary;
use super::{bad, finished, unknown};
use crate::tokenizer_parts::{Parts, QWEN_2, byte_level, byte_pairs, split};

const PRE: &str = "tokenizer.ggml.pre";
const MERGES: &str = "tokenizer.ggml.merges";

/// How a text is split, and what else is known of a tokenizer by the name of its splitting.
struct Splitting {
    normalizer: Value,
    pre_tokenizer: Value,
    /// Whether a piece of text that is a token is taken whole, whatever the merges make of it.
    ignore_merges: bool,
    /// Whether the token of the beginning is added where the file does not say it.
    bos: bool,
}

/// The names that are known here.
const KNOWN: &str =
    "`gpt-2`, `phi-2`, `smollm`, `llama-bpe`, `llama3`, `llama-v3`, `smaug-bpe`, `dbrx`, `qwen2` or `falcon`";

/// Contractions, letters, up to three digits, and the rest, as the tokenizers of Llama 3 and of GPT-4 split.
const LLAMA_3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
pub(super) fn parts(file: &GgufFile, vocabulary: &Vocabulary) -> Result<Value, GgufError> {
    let name = file.metadata().text(PRE)?.ok_or_else(|| file.metadata().no_key(PRE))?;
    let Splitting { normalizer, pre_tokenizer, ignore_merges, bos } =
        splitting(name).ok_or_else(|| unknown(file, PRE, name, KNOWN))?;
    let model = byte_pairs(vocabulary.map(), &merges(file)?, ignore_merges);
    let parts = Parts { normalizer, pre_tokenizer, decoder: byte_level(true, true), model };
    finished(parts, file, vocabulary, bos, false)
}

fn splitting(name: &str) -> Option<Splitting> {
    let sequence = |parts: Vec<Value>| json!({"type": "Sequence", "pretokenizers": parts});
    let digits = |individual| json!({"type": "Digits", "individual_digits": individual});
    let by = |regex| sequence(vec![split(regex), byte_level(false, false)]);
    let plain = |pre_tokenizer| Splitting {
        normalizer: Value::Null,
        pre_tokenizer,
        ignore_merges: false,
        bos: false,
    };
    Some(match name {
        "gpt-2" | "phi-2" => plain(byte_level(false, true)),
        "smollm" => plain(sequence(vec![digits(true), byte_level(false, true)])),
        // The tokenizer of SmolLM3 comes from that of Llama 3, without its token of the beginning.
        "smaug-bpe" => Splitting { ignore_merges: true, ..plain(by(LLAMA_3)) },
        "llama-bpe" | "llama3" | "llama-v3" => {
            Splitting { ignore_merges: true, bos: true, ..plain(by(LLAMA_3)) }
        }
        "dbrx" => plain(by(LLAMA_3)),
        "qwen2" => Splitting { normalizer: json!({"type": "NFC"}), ..plain(by(QWEN_2)) },
        "falcon" => {
            let punctuation = json!({"type": "Punctuation", "behavior": "Contiguous"});
            plain(sequence(vec![
                punctuation,
                byte_level(false, true),
                digits(false),
                split("[0-9][0-9][0-9]"),
            ]))
        }
        _ => return None,
    })
}

/// The pairs that are merged, in order. A space is between the two, and none is in a token of this kind.
fn merges(file: &GgufFile) -> Result<Vec<[String; 2]>, GgufError> {
    let lines = file.texts(MERGES)?.ok_or_else(|| file.metadata().no_key(MERGES))?;
    let pair = |(i, line): (usize, String)| match line.split_once(' ') {
        Some((left, right)) if !left.is_empty() && !right.is_empty() => {
            Ok([left.to_string(), right.to_string()])
        }
        _ => Err(bad(
            file,
            MERGES,
            format!("has `{}` at {i}, expected two tokens with a space between", quote(&line)),
        )),
    };
    lines.into_iter().enumerate().map(pair).collect()
}
