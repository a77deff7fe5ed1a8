//! The merges of SentencePiece's BPE, which has only scores: any two tokens whose texts make a third are merged, the third with
//! the highest score first.

use std::cmp::Ordering;
use std::collections::HashMap;

use ia3_gguf::{GgufError, GgufFile};

use super::bad;
use super::vocabulary::{TOKENS, Vocabulary};
use crate::token_kind::TokenKind;

/// The sum of the squares of the lengths of all tokens, which is what looking up all parts costs. Gemma's 256,000 tokens need
/// 30 million.
const MAX_WORK: usize = 1 << 28;

/// The pairs of tokens in the order in which they are merged, as transformers makes them of a SentencePiece model.
pub(super) fn by_score(
    file: &GgufFile,
    vocabulary: &Vocabulary,
    scores: &[f32],
) -> Result<Vec<[String; 2]>, GgufError> {
    let ids: HashMap<&str, usize> = vocabulary.of(TokenKind::Normal).map(|(id, token)| (token, id)).collect();
    let work = ids.keys().map(|token| token.len() * token.len()).fold(0, usize::saturating_add);
    if work > MAX_WORK {
        let problem = format!("has tokens of {work} bytes squared in all, more than the limit of {MAX_WORK}");
        return Err(bad(file, TOKENS, problem));
    }
    let mut pairs = vec![];
    for (id, token) in vocabulary.of(TokenKind::Normal) {
        let first = pairs.len();
        for (at, _) in token.char_indices().skip(1) {
            let (left, right) = token.split_at(at);
            if let (Some(left_id), Some(right_id)) = (ids.get(left), ids.get(right)) {
                pairs.push((scores.get(id).copied().unwrap_or(0.0), (*left_id, *right_id), [left, right]));
            }
        }
        pairs[first..].sort_by_key(|(_, ids, _)| *ids);
    }
    // A stable order: of equal scores the one with the longer parts first, then the smaller ids.
    let lengths = |[left, right]: &[&str; 2]| (left.chars().count(), right.chars().count());
    pairs.sort_by(|(a, _, a_parts), (b, _, b_parts)| {
        let scores = b.partial_cmp(a).unwrap_or(Ordering::Equal);
        scores.then_with(|| lengths(b_parts).cmp(&lengths(a_parts)))
    });
    Ok(pairs.into_iter().map(|(_, _, [left, right])| [left.to_string(), right.to_string()]).collect())
}
