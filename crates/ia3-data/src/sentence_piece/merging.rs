//! Characters that are merged to pieces, those of the highest score first: what a BPE model finds.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use ia3_guard::quote;

use super::model::SentencePiece;
use super::words::Words;
use crate::token_kind::TokenKind;

/// A BPE model.
#[derive(Clone, Debug)]
pub(super) struct Merging {
    words: Words,
    /// The pieces of the user, which are not merged with others.
    whole: Words,
    scores: Vec<f32>,
}

/// A part of a text between two others. It is empty once it is merged with the one before it.
struct Part {
    start: usize,
    end: usize,
    before: Option<usize>,
    after: Option<usize>,
    is_whole: bool,
}

/// Two parts that make a piece.
struct Pair {
    score: f32,
    parts: (usize, usize),
    len: usize,
}

impl Pair {
    fn order(&self) -> (Reverse<usize>, Reverse<usize>) {
        (Reverse(self.parts.0), Reverse(self.len))
    }
}

impl Ord for Pair {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then_with(|| self.order().cmp(&other.order()))
    }
}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Pair {}

impl Merging {
    /// The model, unless it has pieces that are not used, which SentencePiece takes apart again.
    pub(super) fn new(model: &SentencePiece) -> Result<Self, String> {
        if let Some(piece) = model.of_kind(TokenKind::Unused).next() {
            let piece = quote(&piece.text);
            return Err(format!("its piece `{piece}` is of the kind `UNUSED`, which is not supported"));
        }
        let ids = |kinds: &'static [TokenKind]| {
            let pieces = model.pieces.iter().enumerate();
            let pieces = pieces.filter(|(_, piece)| kinds.contains(&piece.kind));
            Words::new(pieces.map(|(id, piece)| (piece.text.as_str(), id)))
        };
        Ok(Self {
            words: ids(&[TokenKind::Normal, TokenKind::UserDefined]),
            whole: ids(&[TokenKind::UserDefined]),
            scores: model.pieces.iter().map(|piece| piece.score).collect(),
        })
    }

    /// The ends of the pieces of a text with their ids, which are `None` for what is unknown.
    pub(super) fn pieces(&self, text: &str) -> Vec<(usize, Option<usize>)> {
        let mut parts = self.parts(text);
        let mut pairs: BinaryHeap<Pair> =
            (1..parts.len()).filter_map(|right| self.pair(text, &parts, right - 1, right)).collect();
        while let Some(Pair { parts: (left, right), len, .. }) = pairs.pop() {
            let is_gone = |part: &Part| part.start == part.end;
            let now = parts[right].end.saturating_sub(parts[left].start);
            // One of the two may have been merged with another part since.
            if is_gone(&parts[left]) || is_gone(&parts[right]) || now != len {
                continue;
            }
            merge(&mut parts, left, right);
            let (before, after) = (parts[left].before, parts[left].after);
            pairs.extend(before.and_then(|before| self.pair(text, &parts, before, left)));
            pairs.extend(after.and_then(|after| self.pair(text, &parts, left, after)));
        }
        let left = parts.iter().filter(|part| part.start < part.end);
        left.map(|part| (part.end, self.words.id(&text[part.start..part.end]))).collect()
    }

    /// The characters, and the pieces of the user.
    fn parts(&self, text: &str) -> Vec<Part> {
        let mut parts: Vec<Part> = vec![];
        let mut start = 0;
        while let Some(c) = text[start..].chars().next() {
            let whole = self.whole.longest(&text.as_bytes()[start..]);
            let end = start + whole.unwrap_or(c.len_utf8());
            let before = parts.len().checked_sub(1);
            let after = (end < text.len()).then_some(parts.len() + 1);
            parts.push(Part { start, end, before, after, is_whole: whole.is_some() });
            start = end;
        }
        parts
    }

    fn pair(&self, text: &str, parts: &[Part], left: usize, right: usize) -> Option<Pair> {
        let (first, second) = (&parts[left], &parts[right]);
        let id = self.words.id(&text[first.start..second.end])?;
        let is_free = !first.is_whole && !second.is_whole;
        let pair = Pair { score: self.scores[id], parts: (left, right), len: second.end - first.start };
        is_free.then_some(pair)
    }
}

/// Puts a part at the end of the one before it.
fn merge(parts: &mut [Part], left: usize, right: usize) {
    let (end, after) = (parts[right].end, parts[right].after);
    (parts[left].end, parts[left].after) = (end, after);
    if let Some(after) = after {
        parts[after].before = Some(left);
    }
    parts[right].start = end;
}
