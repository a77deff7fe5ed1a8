//! SentencePiece's unigram as a `tokenizer.json`.

use serde_json::{Value, json};

use crate::tokenizer_parts::{Parts, base64};

/// What stands for a space in tokens.
pub(crate) const SPACE: &str = "▁";

/// A unigram model and how it prepares a text.
pub(crate) struct Unigram {
    /// The place of the token for what has no other.
    pub(crate) unknown: usize,
    /// The pieces with their scores.
    pub(crate) pieces: Vec<(String, f64)>,
    pub(crate) byte_fallback: bool,
    /// The map of characters, which is not empty.
    pub(crate) map: Option<Vec<u8>>,
    /// Whether a text begins with a space.
    pub(crate) prefix: bool,
    pub(crate) whitespace: Whitespace,
}

/// What happens to whitespace in a text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whitespace {
    Kept,
    /// Several spaces become one, and those at the ends none.
    Collapsed,
    /// Words are split at whitespace of every kind.
    Split,
}

impl Unigram {
    pub(crate) fn parts(self) -> Parts {
        let scheme = if self.prefix { "always" } else { "never" };
        let space =
            json!({"type": "Metaspace", "replacement": SPACE, "prepend_scheme": scheme, "split": true});
        let pre_tokenizer = match self.whitespace {
            Whitespace::Split => json!({
                "type": "Sequence",
                "pretokenizers": [{"type": "WhitespaceSplit"}, space],
            }),
            Whitespace::Kept | Whitespace::Collapsed => space.clone(),
        };
        let model = json!({
            "type": "Unigram",
            "unk_id": self.unknown,
            "vocab": self.pieces,
            "byte_fallback": self.byte_fallback,
        });
        Parts { normalizer: normalizer(self.map, self.whitespace), pre_tokenizer, decoder: space, model }
    }
}

/// The map of characters, and one space for several; nothing without a map.
pub(crate) fn map_and_single_spaces(map: &[u8]) -> Value {
    match map.is_empty() {
        true => Value::Null,
        false => json!({"type": "Sequence", "normalizers": [precompiled(map), replace(" {2,}", " ")]}),
    }
}

fn precompiled(map: &[u8]) -> Value {
    json!({"type": "Precompiled", "precompiled_charsmap": base64(map)})
}

fn replace(regex: &str, to: &str) -> Value {
    json!({"type": "Replace", "pattern": {"Regex": regex}, "content": to})
}

fn normalizer(map: Option<Vec<u8>>, whitespace: Whitespace) -> Value {
    let map = map.map(|map| precompiled(&map));
    match (map, whitespace) {
        (map, Whitespace::Kept | Whitespace::Split) => map.unwrap_or_default(),
        (map, Whitespace::Collapsed) => {
            let spaces = [replace("^ +| +$", ""), replace(" {2,}", " ")];
            let all: Vec<Value> = map.into_iter().chain(spaces).collect();
            json!({"type": "Sequence", "normalizers": all})
        }
    }
}
