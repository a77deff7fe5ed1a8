//! `spiece.model`: SentencePiece's models.

mod message;
mod model;

pub(super) use model::SentencePiece;
use serde_json::Value;
use tokenizers::AddedToken;

use super::config::special_token;
use crate::token_kind::TokenKind;
use crate::unigram::{Unigram, Whitespace};

/// The number of tokens `<extra_id_0>` and so on, which T5 adds to the pieces.
const EXTRA: usize = 100;

/// The text of the `tokenizer.json` of a unigram model, with T5's additional tokens behind the pieces, as transformers makes it.
pub(super) fn t5(model: SentencePiece) -> Result<Value, String> {
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

/// The tokens that T5's tokenizer finds in a text before anything else, where no file names any: control pieces, those of the
/// user, and the additional tokens.
pub(super) fn t5_added(model: &SentencePiece) -> Vec<AddedToken> {
    let of = |kind| model.pieces.iter().filter(move |piece| piece.kind == kind);
    let control = of(TokenKind::Control).map(|piece| special_token(piece.text.as_str()));
    let user = of(TokenKind::UserDefined)
        .map(|piece| AddedToken { normalized: false, ..AddedToken::from(piece.text.as_str(), false) });
    let extra = (0..EXTRA).map(|i| special_token(format!("<extra_id_{i}>")));
    control.chain(user).chain(extra).collect()
}
