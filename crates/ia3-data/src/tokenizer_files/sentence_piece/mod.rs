//! Models of SentencePiece as the `tokenizer.json` that transformers makes of them.

mod backend;
mod deberta_v2;
mod fairseq;
mod pairs;

use serde_json::Value;
use tokenizers::AddedToken;

use self::fairseq::{
    MBART_50_LANGUAGES, Names, camembert, mbart, mbart_50, mbart_languages, nllb, xlm_roberta,
};
use self::pairs::{gemma, llama};
use super::class::TokenizerClass;
use super::config::{TokenizerConfig, special_token};
use crate::sentence_piece::SentencePiece;
use crate::token_kind::TokenKind;
use crate::unigram::{Unigram, Whitespace};

/// The number of tokens `<extra_id_0>` and so on, which T5 adds to the pieces.
const EXTRA: usize = 100;

/// The text of the `tokenizer.json` that transformers makes of a model for a class.
///
/// # Errors
///
/// A text that says what is wrong with the model.
pub(super) fn json(
    class: TokenizerClass,
    model: SentencePiece,
    config: &TokenizerConfig,
) -> Result<Value, String> {
    let named = |name| {
        let token = config.token(name, class.special_tokens()).map(|token| token.content);
        token.ok_or_else(|| format!("there is no `{name}`"))
    };
    let names = |begin| {
        let first = [begin, "pad_token", "eos_token", "unk_token"].map(named);
        let [bos, pad, eos, unk] = first;
        Ok::<_, String>(Names { first: [bos?, pad?, eos?, unk?], mask: named("mask_token")? })
    };
    let prefix = config.flag("add_prefix_space", true);
    match class {
        TokenizerClass::XlmRoberta => xlm_roberta(model, names("bos_token")?, prefix),
        TokenizerClass::Camembert => camembert(model, names("bos_token")?, prefix),
        TokenizerClass::MBart => mbart(model, names("bos_token")?),
        TokenizerClass::MBart50 => mbart_50(model, names("cls_token")?),
        TokenizerClass::Nllb => nllb(&model, &names("bos_token")?),
        TokenizerClass::DebertaV2 => deberta_v2::json(model, &named("unk_token")?, config),
        TokenizerClass::Llama => llama(&model),
        TokenizerClass::Gemma => gemma(&model, &named("unk_token")?),
        TokenizerClass::Backend => backend::json(&model, config),
        _ => t5(model),
    }
}

/// Adds to the fields of the files what a class takes from the model.
pub(super) fn complete(class: TokenizerClass, model: &SentencePiece, config: &mut TokenizerConfig) {
    if class == TokenizerClass::Backend {
        backend::complete(model, config);
    }
}

/// The tokens that a class finds in a text before anything else, where no file names any.
pub(super) fn added_by(class: TokenizerClass, model: &SentencePiece) -> Vec<AddedToken> {
    let codes = |codes: &mut dyn Iterator<Item = &'static str>| codes.map(special_token).collect();
    let of_class: Vec<AddedToken> = match class {
        // The pieces of the user are found elsewhere.
        TokenizerClass::Backend => return of_kind(model, TokenKind::Control),
        TokenizerClass::MBart => codes(&mut mbart_languages()),
        TokenizerClass::MBart50 => codes(&mut MBART_50_LANGUAGES.into_iter()),
        TokenizerClass::T5 => (0..EXTRA).map(|i| special_token(format!("<extra_id_{i}>"))).collect(),
        _ => vec![],
    };
    let of_model = [TokenKind::Control, TokenKind::UserDefined].map(|kind| of_kind(model, kind));
    of_model.into_iter().flatten().chain(of_class).collect()
}

/// The pieces of a kind, which a tokenizer finds in a text before anything else; those of the user are not special.
fn of_kind(model: &SentencePiece, kind: TokenKind) -> Vec<AddedToken> {
    let is_special = kind == TokenKind::Control;
    let token = |text: &str| AddedToken { normalized: false, ..AddedToken::from(text, is_special) };
    model.of_kind(kind).map(|piece| token(&piece.text)).collect()
}

/// A unigram model with T5's additional tokens behind the pieces.
fn t5(model: SentencePiece) -> Result<Value, String> {
    model.check_unigram()?;
    let extra = (0..EXTRA).rev().map(|i| (format!("<extra_id_{i}>"), 0.0));
    let unigram = Unigram {
        unknown: model.unknown,
        pieces: model.scored().chain(extra).collect(),
        byte_fallback: false,
        map: Some(model.map.clone()).filter(|map| !map.is_empty()),
        prefix: true,
        whitespace: Whitespace::Split,
    };
    Ok(unigram.parts().json(vec![], Value::Null))
}
