//! What a tokenizer may do to a text.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokenizers::{PostProcessor, Tokenizer};

/// How many times longer a normaliser or a decoder may make a text. `▁` for a space makes it three times longer.
const MAX_GROWTH: usize = 100;
/// How many times a post-processor may write the text. One that models use writes it once.
const MAX_REPEATS: usize = 10;
/// How many special tokens may be added to a text.
const MAX_ADDED: usize = 1_000;

/// Refuses a tokenizer that makes far more of a text than a model reads.
pub(crate) fn check(tokenizer: &Tokenizer) -> Result<(), String> {
    let parts = [
        ("normalizer", growth_of(tokenizer.get_normalizer())?),
        ("decoder", growth_of(tokenizer.get_decoder())?),
    ]
    .map(|(part, growth)| (part, growth, MAX_GROWTH));
    let repeats = ("post-processor", growth_of(tokenizer.get_post_processor())?, MAX_REPEATS);
    let beyond = |(_, growth, limit): &(&str, usize, usize)| growth > limit;
    if let Some((part, growth, limit)) = parts.into_iter().chain([repeats]).find(beyond) {
        return Err(format!(
            "its {part} can make a text {growth} times longer, more than the limit of {limit}"
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

/// Refuses bytes that are not JSON, and a map of sentencepiece whose table is larger than the map: the crate `tokenizers` takes memory for the whole table
/// before it reads it. `json` is the text of `tokenizer.json`.
pub(crate) fn check_maps(json: &[u8]) -> Result<(), String> {
    /// The part of the file that can have such maps.
    #[derive(Deserialize)]
    struct Tokenizer {
        #[serde(default)]
        normalizer: Value,
    }
    // serde skips bytes that are not UTF-8 in fields that are not read. The crate `tokenizers` also skips a key without a value.
    let json = std::str::from_utf8(json).map_err(|error| error.to_string())?;
    let Tokenizer { normalizer } = serde_json::from_str(json).map_err(|error| error.to_string())?;
    maps(&normalizer).into_iter().try_for_each(|map| {
        let bytes = decoded(map);
        let table = bytes.first_chunk::<4>().map_or(0, |size| u32::from_le_bytes(*size) as usize);
        match table > bytes.len() {
            true => Err(format!(
                "its `precompiled_charsmap` has {} bytes, fewer than its table of {table}",
                bytes.len()
            )),
            false => Ok(()),
        }
    })
}

/// All maps of sentencepiece in a part, however deep.
fn maps(part: &Value) -> Vec<&str> {
    match part {
        Value::Object(fields) => {
            let own = fields.get("precompiled_charsmap").and_then(Value::as_str);
            own.into_iter().chain(fields.values().flat_map(maps)).collect()
        }
        Value::Array(parts) => parts.iter().flat_map(maps).collect(),
        _ => vec![],
    }
}

/// How many times longer a part can make a text, at most.
fn growth(part: &Value) -> usize {
    let len = |field: &str| part[field].as_str().map_or(0, str::len);
    match part["type"].as_str() {
        Some("Sequence") => {
            let parts = ["normalizers", "decoders", "processors"].map(|list| part[list].as_array());
            parts.into_iter().flatten().flatten().map(growth).fold(1, usize::saturating_mul)
        }
        Some("Replace") => match part["pattern"]["String"].as_str() {
            Some(pattern) => len("content").div_ceil(pattern.len().max(1)).max(1),
            // A pattern may match between any two characters, but for one that is made of SentencePiece's models.
            None => match part["pattern"]["Regex"].as_str() {
                Some(r"\A▁") => len("content").div_ceil("▁".len()).max(1),
                _ => len("content").max(1),
            },
        },
        // The text once for each place in the template.
        Some("TemplateProcessing") => {
            let items = part["single"].as_array().into_iter().flatten();
            items.filter(|item| item.get("Sequence").is_some()).count().max(1)
        }
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
        let (text, end) = (json!({"Sequence": {"id": "A"}}), json!({"SpecialToken": {"id": "</s>"}}));
        let twice = json!({"type": "TemplateProcessing", "single": [text, text, end]});
        assert_eq!(growth(&json!({"type": "Sequence", "processors": [twice, twice]})), 4);
    }

    #[test]
    fn the_longest_replacement_of_a_map_is_found() {
        assert_eq!(decoded("aGVsbG8="), b"hello");
        // A table of four bytes, then the replacements of 2 and 7 bytes.
        assert_eq!(longest_replacement("BAAAAAAAAABhYgBhYmNkZWZnAA=="), 3);
        assert_eq!(longest_replacement("!"), 1);
    }

    #[test]
    fn a_map_with_a_table_beyond_its_end_is_refused() {
        let json = |map: &str| {
            let map = json!({"type": "Precompiled", "precompiled_charsmap": map});
            json!({"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"}, map]}}).to_string()
        };
        assert_eq!(check_maps(json("BAAAAAAAAABhYgBhYmNkZWZnAA==").as_bytes()), Ok(()));
        let error = check_maps(json("AAASplit").as_bytes()).unwrap_err();
        assert_eq!(error, "its `precompiled_charsmap` has 6 bytes, fewer than its table of 2786197504");
        // The text is not JSON behind the map, which the crate `tokenizers` would have read by then.
        assert!(check_maps(json("AAASplit").replace("]}}", "]}.").as_bytes()).is_err());
        assert_eq!(check_maps(b"{}"), Ok(()));
        assert!(check_maps(br#"{"key without a value", "normalizer": null}"#).is_err());
        assert!(check_maps(b"{\"unknown\": \"\xff\"}").is_err());
    }
}
