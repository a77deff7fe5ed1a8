//! ByT5's tokenizer, which needs no file: each byte of a text is a token.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tokenizers::AddedToken;

use super::class::TokenizerClass;
use super::config::{TokenizerConfig, special_token};
use crate::tokenizer_parts::{Parts, byte_level, byte_pairs};

/// The ids before those of the bytes: padding, the end, and what is unknown.
const SPECIAL: [&str; 3] = ["pad_token", "eos_token", "unk_token"];
/// The first id behind the bytes.
const BEHIND: u32 = 259;
/// The number of tokens `<extra_id_0>` and so on.
const EXTRA: usize = 125;

/// The text of the `tokenizer.json`.
pub(super) fn json(config: &TokenizerConfig) -> Value {
    let added = added_tokens(config);
    let byte = |byte: u8| (character(byte).to_string(), Value::from(SPECIAL.len() + usize::from(byte)));
    let mut vocab: Map<String, Value> = (0..=u8::MAX).map(byte).collect();
    vocab.extend(added.iter().map(|(id, token)| (token.content.clone(), Value::from(*id))));
    let entry = |(id, token): (&u32, &AddedToken)| {
        json!({
            "id": id,
            "content": token.content,
            "single_word": token.single_word,
            "lstrip": token.lstrip,
            "rstrip": token.rstrip,
            "normalized": token.normalized,
            "special": true,
        })
    };
    let model = byte_pairs(vocab, &[], false);
    let parts = Parts {
        normalizer: Value::Null,
        pre_tokenizer: byte_level(false, false),
        decoder: byte_level(false, false),
        model,
    };
    parts.json(added.iter().map(entry).collect(), Value::Null)
}

/// The text of ids, without special tokens and without bytes that are no UTF-8.
pub(crate) fn text_of_bytes(ids: &[u32]) -> String {
    let first = SPECIAL.len() as u32;
    let byte = |id: &u32| id.checked_sub(first).and_then(|byte| u8::try_from(byte).ok());
    let bytes: Vec<u8> = ids.iter().filter_map(byte).collect();
    bytes.utf8_chunks().map(|chunk| chunk.valid()).collect()
}

/// The special tokens with their ids: those before the bytes, those that the files give an id, and the others behind.
fn added_tokens(config: &TokenizerConfig) -> BTreeMap<u32, AddedToken> {
    let defaults = TokenizerClass::ByT5.special_tokens();
    let stripped = |name: &&str| {
        let token = config.token(name, defaults)?;
        // A token that is given as its text alone takes the spaces on both sides.
        match config.has_flags(name) {
            true => Some(token),
            false => Some(AddedToken { lstrip: true, rstrip: true, ..token }),
        }
    };
    let first = SPECIAL.iter().filter_map(stripped);
    let mut added: BTreeMap<u32, AddedToken> = (0..).zip(first).collect();
    added.extend(config.added.clone());
    let mut rest = config.special(defaults);
    if config.extra().is_empty() {
        rest.extend((0..EXTRA).map(|i| special_token(format!("<extra_id_{i}>"))));
    }
    for token in rest {
        if added.values().all(|other| other.content != token.content) {
            added.insert(BEHIND + added.range(BEHIND..).count() as u32, token);
        }
    }
    added
}

/// The character that stands for a byte in vocabularies of bytes: the byte's own where it can be seen, or one from U+0100.
fn character(byte: u8) -> char {
    let is_seen = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    match is_seen(byte) {
        true => char::from(byte),
        false => {
            let before = (0..byte).filter(|byte| !is_seen(*byte)).count() as u32;
            char::from_u32(0x100 + before).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_the_characters_of_gpt_2() {
        assert_eq!([b'a', b' ', b'\n', 0, 0xad, 0xff].map(character), ['a', 'Ġ', 'Ċ', 'Ā', 'Ń', 'ÿ']);
    }
}
