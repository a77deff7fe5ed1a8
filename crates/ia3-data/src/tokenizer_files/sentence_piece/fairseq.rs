//! The models of fairseq: special tokens come before the pieces, in the place of the first pieces.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::pairs::{Bpe, merges};
use crate::sentence_piece::SentencePiece;
use crate::tokenizer_parts::Parts;
use crate::unigram::{Unigram, Whitespace, map_and_single_spaces, metaspace};

/// The codes of mBART-50's languages, which come behind the pieces.
pub(super) const MBART_50_LANGUAGES: [&str; 52] = [
    "ar_AR", "cs_CZ", "de_DE", "en_XX", "es_XX", "et_EE", "fi_FI", "fr_XX", "gu_IN", "hi_IN", "it_IT",
    "ja_XX", "kk_KZ", "ko_KR", "lt_LT", "lv_LV", "my_MM", "ne_NP", "nl_XX", "ro_RO", "ru_RU", "si_LK",
    "tr_TR", "vi_VN", "zh_CN", "af_ZA", "az_AZ", "bn_IN", "fa_IR", "he_IL", "hr_HR", "id_ID", "ka_GE",
    "km_KH", "mk_MK", "ml_IN", "mn_MN", "mr_IN", "pl_PL", "ps_AF", "pt_XX", "sv_SE", "sw_KE", "ta_IN",
    "te_IN", "th_TH", "tl_XX", "uk_UA", "ur_PK", "xh_ZA", "gl_ES", "sl_SI",
];

/// The codes of mBART's languages, with which those of mBART-50 begin.
pub(super) fn mbart_languages() -> impl Iterator<Item = &'static str> {
    MBART_50_LANGUAGES.into_iter().take(25)
}

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
    let unigram = unigram(&model, names, &mut [].into_iter())?;
    Ok(Unigram { map: map(&model), prefix, ..unigram }.parts().json(vec![], Value::Null))
}

/// The text of the `tokenizer.json` of CamemBERT's class. The pieces for the beginning and the end are among the others, and names that
/// no text has take their places.
pub(super) fn camembert(model: SentencePiece, names: Names, prefix: bool) -> Result<Value, String> {
    model.check_unigram()?;
    let [_, pad, _, unknown] = names.first;
    let score = |text: &str| (text.to_string(), 0.0);
    let first = [score("<s>NOTUSED"), (pad, 0.0), score("</s>NOTUSED"), (unknown.clone(), 0.0)];
    let rest = [("<unk>NOTUSED".to_string(), -100.0)].into_iter().chain(model.scored().skip(1));
    let pieces: Vec<(String, f64)> = first.into_iter().chain(rest).chain([(names.mask, 0.0)]).collect();
    let unigram = Unigram {
        unknown: pieces.iter().position(|(text, _)| *text == unknown).unwrap_or(UNKNOWN),
        pieces,
        byte_fallback: false,
        map: map(&model),
        prefix,
        whitespace: Whitespace::Split,
    };
    Ok(unigram.parts().json(vec![], Value::Null))
}

/// The text of the `tokenizer.json` of mBART's class, which does not use the model's map of characters.
pub(super) fn mbart(model: SentencePiece, names: Names) -> Result<Value, String> {
    Ok(unigram(&model, names, &mut mbart_languages())?.parts().json(vec![], Value::Null))
}

/// The text of the `tokenizer.json` of mBART-50's class.
pub(super) fn mbart_50(model: SentencePiece, names: Names) -> Result<Value, String> {
    let unigram = unigram(&model, names, &mut MBART_50_LANGUAGES.into_iter())?;
    let normalizer = map_and_single_spaces(&model.map);
    let parts = Parts { normalizer, pre_tokenizer: metaspace("always", true), ..unigram.parts() };
    Ok(parts.json(vec![], Value::Null))
}

fn map(model: &SentencePiece) -> Option<Vec<u8>> {
    Some(model.map.clone()).filter(|map| !map.is_empty())
}

/// The pieces between the special tokens and the codes of the languages.
fn unigram(
    model: &SentencePiece,
    names: Names,
    codes: &mut dyn Iterator<Item = &'static str>,
) -> Result<Unigram, String> {
    model.check_unigram()?;
    let plain = |token: String| (token, 0.0);
    let last = codes.map(str::to_string).chain([names.mask]).map(plain);
    let first = names.first.into_iter().map(plain);
    Ok(Unigram {
        unknown: UNKNOWN,
        pieces: first.chain(model.scored().skip(REPLACED)).chain(last).collect(),
        byte_fallback: false,
        map: None,
        prefix: true,
        whitespace: Whitespace::Split,
    })
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
    let space = metaspace("always", true);
    let bpe = Bpe {
        vocabulary,
        merges: &merges,
        unknown: Some(&names.first[UNKNOWN]),
        byte_fallback: false,
        whole_words: false,
    };
    let parts = Parts {
        normalizer: match model.map.is_empty() {
            true => Value::Null,
            false => map_and_single_spaces(&model.map),
        },
        pre_tokenizer: space.clone(),
        decoder: space,
        model: bpe.json(),
    };
    Ok(parts.json(vec![], Value::Null))
}
