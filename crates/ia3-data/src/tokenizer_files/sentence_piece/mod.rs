//! `spiece.model`, `sentencepiece.bpe.model` and `tokenizer.model`: SentencePiece's models.

mod fairseq;
mod message;
mod model;
mod pairs;

pub(super) use model::SentencePiece;
use serde_json::Value;
use tokenizers::AddedToken;

use self::fairseq::{MBART_LANGUAGES, Names, mbart, nllb, xlm_roberta};
use self::pairs::llama;
use super::class::TokenizerClass;
use super::config::{TokenizerConfig, special_token};
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
    let names = || {
        let first = ["bos_token", "pad_token", "eos_token", "unk_token"].map(named);
        let [bos, pad, eos, unk] = first;
        Ok::<_, String>(Names { first: [bos?, pad?, eos?, unk?], mask: named("mask_token")? })
    };
    match class {
        TokenizerClass::XlmRoberta => xlm_roberta(model, names()?, config.flag("add_prefix_space", true)),
        TokenizerClass::MBart => mbart(model, names()?),
        TokenizerClass::Nllb => nllb(&model, &names()?),
        TokenizerClass::Llama => llama(&model),
        _ => t5(model),
    }
}

/// The tokens that a class finds in a text before anything else, where no file names any.
pub(super) fn added_by(class: TokenizerClass, model: &SentencePiece) -> Vec<AddedToken> {
    let of_class: Vec<AddedToken> = match class {
        TokenizerClass::MBart => MBART_LANGUAGES.into_iter().map(special_token).collect(),
        TokenizerClass::T5 => (0..EXTRA).map(|i| special_token(format!("<extra_id_{i}>"))).collect(),
        _ => vec![],
    };
    of_model(model).into_iter().chain(of_class).collect()
}

/// The tokens of a model that a tokenizer finds in a text before anything else: control pieces, and those of the user.
fn of_model(model: &SentencePiece) -> Vec<AddedToken> {
    let of = |kind| model.pieces.iter().filter(move |piece| piece.kind == kind);
    let control = of(TokenKind::Control).map(|piece| special_token(piece.text.as_str()));
    let user = of(TokenKind::UserDefined)
        .map(|piece| AddedToken { normalized: false, ..AddedToken::from(piece.text.as_str(), false) });
    control.chain(user).collect()
}

/// A unigram model with T5's additional tokens behind the pieces.
fn t5(model: SentencePiece) -> Result<Value, String> {
    model.check_unigram()?;
    let extra = (0..EXTRA).rev().map(|i| (format!("<extra_id_{i}>"), 0.0));
    let pieces = model.pieces.into_iter().map(|piece| (piece.text, f64::from(piece.score)));
    let unigram = Unigram {
        unknown: model.unknown,
        pieces: pieces.chain(extra).collect(),
        byte_fallback: false,
        map: Some(model.map).filter(|map| !map.is_empty()),
        prefix: true,
        whitespace: Whitespace::Split,
    };
    Ok(unigram.parts().json(vec![], Value::Null))
}
