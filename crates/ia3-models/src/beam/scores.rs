//! The scores of the tokens after the sequences of a search, and the best of them.

use burn::tensor::{DType, Tensor, activation::log_softmax};

use super::entry::{Candidate, Entry};
use super::rows::refused;
use crate::decode_steps::forced_token;
use crate::error::ModelError;
use crate::generate::GenerationConfig;
use crate::penalties;

/// What the scores of step `index` need.
pub(super) struct Scores<'a> {
    pub(super) config: &'a GenerationConfig,
    pub(super) padding: &'a [usize],
    /// The number of ids that each sequence started with.
    pub(super) start: usize,
    pub(super) index: usize,
}

impl Scores<'_> {
    /// The scores of all tokens after all running sequences, `[batch·num_beams·vocab]`.
    pub(super) fn of(&self, entries: &[Entry], logits: Tensor<2>) -> Result<Vec<f32>, ModelError> {
        let (config, [_, vocab]) = (self.config, logits.dims());
        if vocab < 2.max(1 + config.eos_token_id.len()) {
            return Err(refused(config.num_beams, "1 with fewer tokens in the vocabulary than end tokens"));
        }
        let forced = forced_token(config, self.start, self.index, vocab)?;
        let forbidden = config.forbidden(self.index, vocab);
        let mut scores: Vec<f32> = log_softmax(logits.cast(DType::F32), 1).into_data().iter().collect();
        let sequences = entries.iter().flat_map(|entry| &entry.running);
        for (row, (sequence, scores)) in sequences.zip(scores.chunks_mut(vocab)).enumerate() {
            match forced {
                Some(id) => {
                    scores.fill(f32::NEG_INFINITY);
                    scores[id as usize] = 0.0;
                }
                None => {
                    let padding = self.padding.get(row).copied().unwrap_or(0);
                    penalties::apply(config, &sequence.ids, padding, scores);
                    forbidden.iter().for_each(|&id| scores[id] = f32::NEG_INFINITY);
                }
            }
            scores.iter_mut().for_each(|score| *score += sequence.score);
        }
        Ok(scores)
    }
}

/// The best candidates of one batch entry, the best first: enough that as many as there are beams do not end.
pub(super) fn best(scores: &[f32], vocab: usize, index: usize, config: &GenerationConfig) -> Vec<Candidate> {
    let count = config.num_beams * 2.max(1 + config.eos_token_id.len());
    let mut places: Vec<usize> = (0..scores.len()).collect();
    let by_score = |a: &usize, b: &usize| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b));
    if count < places.len() {
        places.select_nth_unstable_by(count, by_score);
        places.truncate(count);
    }
    places.sort_unstable_by(by_score);
    let last = index + 1 == config.max_new_tokens;
    let candidate = |place: usize| {
        let token = (place % vocab) as i64;
        let ends = last || config.eos_token_id.contains(&token);
        Candidate { beam: place / vocab, token, score: scores[place], ends }
    };
    places.into_iter().map(candidate).collect()
}
