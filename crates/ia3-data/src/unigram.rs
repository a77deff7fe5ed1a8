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
        let space = metaspace(if self.prefix { "always" } else { "never" }, true);
        let pre_tokenizer = match self.whitespace {
            Whitespace::Split => json!({
                "type": "Sequence",
                "pretokenizers": [{"type": "WhitespaceSplit"}, space],
            }),
            Whitespace::Kept | Whitespace::Collapsed => space.clone(),
        };
        let model = unigram(self.unknown, &self.pieces, self.byte_fallback);
        Parts { normalizer: normalizer(self.map, self.whitespace), pre_tokenizer, decoder: space, model }
    }
}

/// The model of pieces with their scores.
pub(crate) fn unigram(unknown: usize, pieces: &[(String, f64)], byte_fallback: bool) -> Value {
    json!({"type": "Unigram", "unk_id": unknown, "vocab": pieces, "byte_fallback": byte_fallback})
}

/// The pre-tokenizer, and decoder, of spaces.
pub(crate) fn metaspace(scheme: &str, split: bool) -> Value {
    json!({"type": "Metaspace", "replacement": SPACE, "prepend_scheme": scheme, "split": split})
}

/// The map of characters, if there is one, and one space for several.
pub(crate) fn map_and_single_spaces(map: &[u8]) -> Value {
    let map = Some(map).filter(|map| !map.is_empty()).map(precompiled);
    sequence(map.into_iter().chain([replace(" {2,}", " ")]).collect())
}

/// One normaliser after another.
pub(crate) fn sequence(normalizers: Vec<Value>) -> Value {
    json!({"type": "Sequence", "normalizers": normalizers})
}

/// The normaliser that maps characters.
pub(crate) fn precompiled(map: &[u8]) -> Value {
    json!({"type": "Precompiled", "precompiled_charsmap": base64(map)})
}

/// The normaliser that replaces what a regular expression matches.
pub(crate) fn replace(regex: &str, to: &str) -> Value {
    json!({"type": "Replace", "pattern": {"Regex": regex}, "content": to})
}

/// The normaliser, and decoder, that replaces a text.
pub(crate) fn replace_text(text: &str, to: &str) -> Value {
    json!({"type": "Replace", "pattern": {"String": text}, "content": to})
}

fn normalizer(map: Option<Vec<u8>>, whitespace: Whitespace) -> Value {
    let map = map.map(|map| precompiled(&map));
    match (map, whitespace) {
        (map, Whitespace::Kept | Whitespace::Split) => map.unwrap_or_default(),
        (map, Whitespace::Collapsed) => {
            let spaces = [replace("^ +| +$", ""), replace(" {2,}", " ")];
            sequence(map.into_iter().chain(spaces).collect())
        }
    }
}
