//! The models of fairseq: four special tokens come before the pieces, and the first three pieces are left out.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::model::SentencePiece;
use super::pairs::{bpe, merges};
use crate::tokenizer_parts::Parts;
use crate::unigram::{SPACE, Unigram, Whitespace};

/// The codes of mBART's languages, which come behind the pieces.
pub(super) const MBART_LANGUAGES: [&str; 25] = [
    "ar_AR", "cs_CZ", "de_DE", "en_XX", "es_XX", "et_EE", "fi_FI", "fr_XX", "gu_IN", "hi_IN", "it_IT",
    "ja_XX", "kk_KZ", "ko_KR", "lt_LT", "lv_LV", "my_MM", "ne_NP", "nl_XX", "ro_RO", "ru_RU", "si_LK",
    "tr_TR", "vi_VN", "zh_CN",
];

/// The number of pieces of a model that the special tokens stand for: those for what is unknown, for the beginning and the end.
const REPLACED: usize = 3;
/// The place of the unknown token among the special ones.
const UNKNOWN: usize = 3;

/// The special tokens before the pieces, in their order, and the mask token behind.
pub(super) struct Names {
    pub(super) first: [String; 4],
    pub(super) mask: String,
}

/// The text of the `tokenizer.json` of XLM-R's class.
pub(super) fn xlm_roberta(model: SentencePiece, names: Names, prefix: bool) -> Result<Value, String> {
    let map = Some(model.map.clone()).filter(|map| !map.is_empty());
    unigram(model, names, &[], map, prefix)
}

/// The text of the `tokenizer.json` of mBART's class, which does not use the model's map of characters.
pub(super) fn mbart(model: SentencePiece, names: Names) -> Result<Value, String> {
    unigram(model, names, &MBART_LANGUAGES, None, true)
}

fn unigram(
    model: SentencePiece,
    names: Names,
    codes: &[&str],
    map: Option<Vec<u8>>,
    prefix: bool,
) -> Result<Value, String> {
    model.check_unigram()?;
    let plain = |token: String| (token, 0.0);
    let pieces = model.pieces.into_iter().skip(REPLACED).map(|piece| (piece.text, f64::from(piece.score)));
    let last = codes.iter().map(|code| code.to_string()).chain([names.mask]);
    let unigram = Unigram {
        unknown: UNKNOWN,
        pieces: names.first.into_iter().map(plain).chain(pieces).chain(last.map(plain)).collect(),
        byte_fallback: false,
        map,
        prefix,
        whitespace: Whitespace::Split,
    };
    Ok(unigram.parts().json(vec![], Value::Null))
}

/// The text of the `tokenizer.json` of NLLB's class, which merges pairs. Its codes of languages are special tokens that other files
/// name.
pub(super) fn nllb(model: &SentencePiece, names: &Names) -> Result<Value, String> {
    let merges = merges(model)?;
    let first = names.first.iter().map(String::as_str);
    let mut known = HashSet::new();
    let tokens = first.chain(model.pieces.iter().map(|piece| piece.text.as_str()));
    let tokens = tokens.filter(|token| known.insert(*token));
    let vocabulary: Map<String, Value> =
        (0_u64..).zip(tokens).map(|(id, token)| (token.to_string(), Value::from(id))).collect();
    if names.first.iter().collect::<HashSet<_>>().len() < names.first.len() {
        return Err(format!("two of the special tokens {} are the same", names.first.join(", ")));
    }
    let space = json!({"type": "Metaspace", "replacement": SPACE, "prepend_scheme": "always", "split": true});
    let parts = Parts {
        normalizer: crate::unigram::map_and_single_spaces(&model.map),
        pre_tokenizer: space.clone(),
        decoder: space,
        model: bpe(vocabulary, &merges, Some(&names.first[UNKNOWN])),
    };
    Ok(parts.json(vec![], Value::Null))
}
