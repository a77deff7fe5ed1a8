//! What a tokenizer may do to a text.

use serde::Serialize;
use serde_json::Value;
use tokenizers::{PostProcessor, Tokenizer};

/// How many times longer a normaliser or a decoder may make a text. `▁` for a space makes it three times longer.
const MAX_GROWTH: usize = 100;
/// How many special tokens may be added to a text.
const MAX_ADDED: usize = 1_000;

/// Refuses a tokenizer that makes far more of a text than a model reads.
pub(crate) fn check(tokenizer: &Tokenizer) -> Result<(), String> {
    let parts = [
        ("normalizer", growth_of(tokenizer.get_normalizer())?),
        ("decoder", growth_of(tokenizer.get_decoder())?),
    ];
    if let Some((part, growth)) = parts.into_iter().find(|(_, growth)| *growth > MAX_GROWTH) {
        return Err(format!(
            "its {part} can make a text {growth} times longer, more than the limit of {MAX_GROWTH}"
        ));
    }
    let added = tokenizer.get_post_processor().map_or(0, |post| post.added_tokens(false));
    match added > MAX_ADDED {
        true => Err(format!(
            "its post-processor adds {added} tokens to a text, more than the limit of {MAX_ADDED}"
        )),
        false => Ok(()),
    }
}

fn growth_of(part: Option<&impl Serialize>) -> Result<usize, String> {
    let Some(part) = part else { return Ok(1) };
    let json = serde_json::to_value(part).map_err(|error| error.to_string())?;
    Ok(growth(&json))
}

/// How many times longer a part can make a text, at most.
fn growth(part: &Value) -> usize {
    let len = |field: &str| part[field].as_str().map_or(0, str::len);
    match part["type"].as_str() {
        Some("Sequence") => {
            let parts =
                [&part["normalizers"], &part["decoders"]].into_iter().flat_map(|list| list.as_array());
            parts.flatten().map(growth).fold(1, usize::saturating_mul)
        }
        Some("Replace") => match part["pattern"]["String"].as_str() {
            Some(pattern) => len("content").div_ceil(pattern.len().max(1)).max(1),
            // A pattern may match between any two characters.
            None => len("content").max(1),
        },
        Some("Prepend") => len("prepend") + 1,
        Some("Precompiled") => longest_replacement(part["precompiled_charsmap"].as_str().unwrap_or_default()),
        _ => 1,
    }
}

/// The most bytes that a map of sentencepiece writes for one character, which has up to three bytes there. The map is base64
/// of the size of a table, the table, and replacements that end with a zero byte.
fn longest_replacement(base64: &str) -> usize {
    let bytes = decoded(base64);
    let Some((size, rest)) = bytes.split_first_chunk::<4>() else { return 1 };
    let texts = rest.get(u32::from_le_bytes(*size) as usize..).unwrap_or_default();
    texts.split(|byte| *byte == 0).map(<[u8]>::len).max().unwrap_or(1).div_ceil(3).max(1)
}

fn decoded(base64: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = base64.bytes().filter_map(|byte| DIGITS.iter().position(|digit| *digit == byte));
    let (mut bytes, mut bits, mut count) = (Vec::with_capacity(base64.len() / 4 * 3), 0u32, 0);
    for digit in digits {
        (bits, count) = ((bits << 6 | digit as u32) & 0xffff, count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_growth_of_a_sequence_is_the_product() {
        let space = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
        let prepend = json!({"type": "Prepend", "prepend": "▁"});
        assert_eq!(growth(&json!({"type": "Sequence", "normalizers": [prepend, space]})), 12);
        let quotes = json!({"type": "Replace", "pattern": {"String": "``"}, "content": "\""});
        assert_eq!(growth(&json!({"type": "Sequence", "normalizers": [{"type": "NFKD"}, quotes]})), 1);
        let bomb = json!({"type": "Replace", "pattern": {"Regex": "."}, "content": "a".repeat(1_000)});
        assert_eq!(growth(&json!({"type": "Sequence", "decoders": [bomb, bomb]})), 1_000_000);
    }

    #[test]
    fn the_longest_replacement_of_a_map_is_found() {
        assert_eq!(decoded("aGVsbG8="), b"hello");
        // A table of four bytes, then the replacements of 2 and 7 bytes.
        assert_eq!(longest_replacement("BAAAAAAAAABhYgBhYmNkZWZnAA=="), 3);
        assert_eq!(longest_replacement("!"), 1);
    }
}
