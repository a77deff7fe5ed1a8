//! The search for one batch entry: which sequences it goes on with, and which have ended.

use crate::generate::{EarlyStopping, GenerationConfig};

/// The score of the beams that an entry starts with besides its first, which are the same.
const NO_BEAM: f32 = -1e9;

/// A sequence with its prompt, and its score: the sum of the log-probabilities of its new tokens, divided by the length penalty
/// if it has ended.
#[derive(Clone, Debug)]
pub(super) struct Sequence {
    pub(super) ids: Vec<i64>,
    pub(super) score: f32,
}

/// A sequence of the step before, and a token after it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) beam: usize,
    pub(super) token: i64,
    pub(super) score: f32,
    pub(super) ends: bool,
}

/// The search for one batch entry.
pub(super) struct Entry {
    /// The sequences that the search goes on with, the best first.
    pub(super) running: Vec<Sequence>,
    /// The best sequences that have ended, at most one per beam, the best first.
    pub(super) ended: Vec<Sequence>,
    /// Whether a running sequence may still become better than the ended ones.
    pub(super) improvable: bool,
}

impl Entry {
    pub(super) fn new(beams: &[Vec<i64>]) -> Self {
        let scores = std::iter::once(0.0).chain(std::iter::repeat(NO_BEAM));
        let running = beams.iter().zip(scores).map(|(ids, score)| Sequence { ids: ids.clone(), score });
        Self { running: running.collect(), ended: vec![], improvable: true }
    }

    pub(super) fn is_full(&self) -> bool {
        self.ended.len() == self.running.len()
    }

    /// Takes the candidates of step `index`, the best first, and returns those that the search goes on with.
    pub(super) fn advance(
        &mut self,
        candidates: &[Candidate],
        index: usize,
        config: &GenerationConfig,
    ) -> Vec<Candidate> {
        let (beams, full) = (self.running.len(), self.is_full());
        let after = |candidate: &Candidate| {
            let mut ids = self.running[candidate.beam].ids.clone();
            ids.push(candidate.token);
            ids
        };
        let divisor = penalty(index + 1, config);
        let closed = !self.improvable || (full && config.early_stopping == EarlyStopping::Full);
        let new: Vec<Sequence> = candidates[..beams]
            .iter()
            .filter(|candidate| candidate.ends && !closed)
            .map(|candidate| Sequence { ids: after(candidate), score: candidate.score / divisor })
            .collect();
        // Sequences that have ended come last; as many others as there are beams are among the candidates before the last step.
        let mut kept = candidates.to_vec();
        kept.sort_by_key(|candidate| candidate.ends);
        kept.truncate(beams);
        let running =
            kept.iter().map(|candidate| Sequence { ids: after(candidate), score: candidate.score }).collect();
        self.ended.extend(new);
        self.ended.sort_by(|a, b| b.score.total_cmp(&a.score));
        self.ended.truncate(beams);
        self.running = running;
        self.improvable &= self.may_improve(index + 1, config);
        kept
    }

    /// Whether the best running sequence after `new` tokens could be better than the worst that has ended.
    fn may_improve(&self, new: usize, config: &GenerationConfig) -> bool {
        if !self.is_full() {
            return true;
        }
        let longest = config.early_stopping == EarlyStopping::Never && config.length_penalty > 0.0;
        let length = if longest { config.max_new_tokens } else { new };
        let worst = self.ended.last().map_or(f32::NEG_INFINITY, |sequence| sequence.score);
        self.running[0].score / penalty(length, config) > worst
    }
}

/// What the score of a sequence of `new` tokens is divided by.
fn penalty(new: usize, config: &GenerationConfig) -> f32 {
    (new as f64).powf(config.length_penalty) as f32
}
