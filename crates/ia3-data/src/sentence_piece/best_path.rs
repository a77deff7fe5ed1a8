//! The pieces of a text whose scores have the largest sum: what a unigram model finds.

use super::model::SentencePiece;
use super::words::Words;
use crate::token_kind::TokenKind;

/// How much less than the lowest score what is unknown has.
const PENALTY: f32 = 10.0;

/// A unigram model.
#[derive(Clone, Debug)]
pub(super) struct BestPath {
    words: Words,
    /// The score of each piece; that of a piece of the user is nearly the largest.
    scores: Vec<f32>,
    unknown: f32,
}

/// The best pieces up to some place of a text. It is small, because a long text has many places.
#[derive(Clone, Copy)]
struct Path {
    score: f32,
    /// Where the last piece begins; [`NONE`] where no piece ends here.
    start: u32,
    /// The id of the last piece; [`NONE`] for what is unknown.
    id: u32,
}

const NONE: u32 = u32::MAX;

impl BestPath {
    pub(super) fn new(model: &SentencePiece) -> Self {
        let normal = || model.of_kind(TokenKind::Normal).map(|piece| piece.score);
        let (min, max) = (normal().fold(f32::MAX, f32::min), normal().fold(f32::MIN_POSITIVE, f32::max));
        let score = |(text, score, kind): (&str, f32, TokenKind)| match kind {
            TokenKind::UserDefined => (f64::from(text.len() as f32 * max) - 0.1) as f32,
            _ => score,
        };
        let is_found = |kind| matches!(kind, TokenKind::Normal | TokenKind::UserDefined);
        let pieces = model.pieces.iter().enumerate().filter(|(_, piece)| is_found(piece.kind));
        Self {
            words: Words::new(pieces.map(|(id, piece)| (piece.text.as_str(), id))),
            scores: model.pieces.iter().map(|piece| score((&piece.text, piece.score, piece.kind))).collect(),
            unknown: min - PENALTY,
        }
    }

    /// The ends of the pieces of a text with their ids, which are `None` for what is unknown.
    pub(super) fn pieces(&self, text: &str) -> Vec<(usize, Option<usize>)> {
        let mut best = vec![Path { score: 0.0, start: NONE, id: NONE }; text.len() + 1];
        for (start, c) in text.char_indices() {
            let before = best[start].score;
            let mut is_known = false;
            for (len, id) in self.words.beginnings(&text.as_bytes()[start..]) {
                keep_better(&mut best[start + len], self.scores[id] + before, (start, id as u32));
                is_known |= len == c.len_utf8();
            }
            if !is_known {
                keep_better(&mut best[start + c.len_utf8()], self.unknown + before, (start, NONE));
            }
        }
        backwards(&best)
    }
}

fn keep_better(path: &mut Path, score: f32, (start, id): (usize, u32)) {
    if path.start == NONE || score > path.score {
        *path = Path { score, start: start as u32, id };
    }
}

fn backwards(best: &[Path]) -> Vec<(usize, Option<usize>)> {
    let (mut pieces, mut end) = (vec![], best.len() - 1);
    while end > 0 {
        let Path { start, id, .. } = best[end];
        pieces.push((end, (id != NONE).then_some(id as usize)));
        end = start as usize;
    }
    pieces.reverse();
    pieces
}
