//! The text of a `tokenizer.json`, made of its parts.

use serde_json::{Map, Value, json};

/// How the tokenizer of Qwen 2 splits: contractions, letters, single digits, and the rest.
pub(crate) const QWEN_2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The parts of a tokenizer that differ between kinds.
pub(crate) struct Parts {
    pub(crate) normalizer: Value,
    pub(crate) pre_tokenizer: Value,
    pub(crate) decoder: Value,
    pub(crate) model: Value,
}

impl Parts {
    /// The whole `tokenizer.json`.
    pub(crate) fn json(self, added_tokens: Vec<Value>, post_processor: Value) -> Value {
        let Self { normalizer, pre_tokenizer, decoder, model } = self;
        json!({
            "version": "1.0",
            "truncation": null,
            "padding": null,
            "added_tokens": added_tokens,
            "normalizer": normalizer,
            "pre_tokenizer": pre_tokenizer,
            "post_processor": post_processor,
            "decoder": decoder,
            "model": model,
        })
    }
}

/// A piece of the template by which special tokens are added.
#[derive(Clone, Copy)]
pub(crate) enum Item<'a> {
    /// The first text.
    A,
    /// The second text of a pair, with the type of its tokens.
    B(u32),
    /// A special token, with its type.
    Token(&'a str, u32),
}

/// The post-processor that adds special tokens around a text, and around two. `ids` are those of the tokens.
pub(crate) fn template(single: &[Item], pair: &[Item], ids: &[(&str, u32)]) -> Value {
    if let ([Item::A], []) = (single, ids) {
        return Value::Null;
    }
    let text = |id: &str, kind: u32| json!({"Sequence": {"id": id, "type_id": kind}});
    let item = |item: &Item| match item {
        Item::A => text("A", 0),
        Item::B(kind) => text("B", *kind),
        Item::Token(token, kind) => json!({"SpecialToken": {"id": token, "type_id": kind}}),
    };
    let special =
        |(token, id): &(&str, u32)| (token.to_string(), json!({"id": token, "ids": [id], "tokens": [token]}));
    json!({
        "type": "TemplateProcessing",
        "single": single.iter().map(item).collect::<Vec<_>>(),
        "pair": pair.iter().map(item).collect::<Vec<_>>(),
        "special_tokens": ids.iter().map(special).collect::<Map<_, _>>(),
    })
}

/// The template that adds the token of the beginning before, and that of the end after each text.
pub(crate) fn around(bos: Option<(&str, u32)>, eos: Option<(&str, u32)>, second: u32) -> Value {
    let before = |kind| bos.map(|(token, _)| Item::Token(token, kind));
    let after = |kind| eos.map(|(token, _)| Item::Token(token, kind));
    let single: Vec<Item> = before(0).into_iter().chain([Item::A]).chain(after(0)).collect();
    let rest = before(second).into_iter().chain([Item::B(second)]).chain(after(second));
    let pair: Vec<Item> = single.iter().copied().chain(rest).collect();
    let ids: Vec<(&str, u32)> = bos.into_iter().chain(eos).collect();
    template(&single, &pair, &ids)
}

/// The pre-tokenizer and decoder of bytes, `ByteLevel`.
pub(crate) fn byte_level(add_prefix_space: bool, use_regex: bool) -> Value {
    json!({
        "type": "ByteLevel",
        "add_prefix_space": add_prefix_space,
        "trim_offsets": true,
        "use_regex": use_regex,
    })
}

/// The model of byte pairs whose tokens are made of the characters of [`byte_level`].
pub(crate) fn byte_pairs(vocab: Map<String, Value>, merges: &[[String; 2]], ignore_merges: bool) -> Value {
    json!({
        "type": "BPE",
        "dropout": null,
        "unk_token": null,
        "continuing_subword_prefix": null,
        "end_of_word_suffix": null,
        "fuse_unk": false,
        "byte_fallback": false,
        "ignore_merges": ignore_merges,
        "vocab": vocab,
        "merges": merges,
    })
}

/// The pre-tokenizer that takes the matches of a regular expression as words.
pub(crate) fn split(regex: &str) -> Value {
    json!({"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": false})
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |group: &[u8]| {
        let bits =
            group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        let digit = |at: usize| match at <= group.len() {
            true => char::from(DIGITS[(bits >> (18 - 6 * at)) as usize & 63]),
            false => '=',
        };
        [digit(0), digit(1), digit(2), digit(3)]
    };
    bytes.chunks(3).flat_map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_base64() {
        let encoded = ["", "a", "ab", "abc", "abcd"].map(|text| base64(text.as_bytes()));
        assert_eq!(encoded, ["", "YQ==", "YWI=", "YWJj", "YWJjZA=="]);
    }
}
