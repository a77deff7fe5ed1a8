//! The merges of SentencePiece's BPE, which has only scores: any two tokens whose texts make a third are merged, the third with
//! the highest score first.

use std::cmp::Ordering;

use ia3_gguf::{GgufError, GgufFile};

use super::bad;
use super::vocabulary::{TOKENS, Vocabulary};
use crate::halves::{MAX_WORK, halves};
use crate::token_kind::TokenKind;

/// The pairs of tokens in the order in which they are merged, as transformers makes them of a SentencePiece model.
pub(super) fn by_score(
    file: &GgufFile,
    vocabulary: &Vocabulary,
    scores: &[f32],
) -> Result<Vec<[String; 2]>, GgufError> {
    let tokens: Vec<(usize, &str)> = vocabulary.of(TokenKind::Normal).collect();
    let mut merges = halves(&tokens).map_err(|work| {
        let problem = format!("has tokens of {work} bytes squared in all, more than the limit of {MAX_WORK}");
        bad(file, TOKENS, problem)
    })?;
    let score = |id: usize| scores.get(id).copied().unwrap_or(0.0);
    // A stable order: of equal scores the one with the longer parts first, then the smaller ids.
    merges.sort_by(|a, b| {
        let scores = score(b.whole).partial_cmp(&score(a.whole)).unwrap_or(Ordering::Equal);
        scores.then_with(|| b.lengths().cmp(&a.lengths()))
    });
    Ok(merges.into_iter().map(|halves| halves.parts.map(str::to_string)).collect())
}
