//! Beam search, as `_beam_search` of transformers (`generation/utils.py`) does it.

use burn::module::Module;
use burn::tensor::{DType, Int, Tensor, activation::log_softmax};
use ia3_core::{batch_rows, count_non_finite};

use crate::decode::{Column, Steps, forced_token};
use crate::error::ModelError;
use crate::generate::{EarlyStopping, Generated, GenerationConfig, Step};
use crate::inputs::{check_pad, int_tensor};
use crate::penalties;

/// The score of the beams that an entry starts with besides its first, which are the same.
const NO_BEAM: f32 = -1e9;

/// The number of rows that a generation needs for each batch entry.
pub(crate) fn rows_per_entry(config: &GenerationConfig, model: &impl Module) -> Result<usize, ModelError> {
    config.check()?;
    let beams = config.num_beams;
    match batch_rows(model) {
        Some(_) if beams > 1 => Err(refused(beams, "1 where the rows of a batch have their own adapters")),
        _ => Ok(beams),
    }
}

fn refused(beams: usize, expected: &'static str) -> ModelError {
    ModelError::Generation { field: "num_beams", found: beams.to_string(), expected }
}

/// The index that takes each of the rows of `rows` `times` times.
pub(crate) fn repeated(rows: &Tensor<2, Int>, times: usize) -> Tensor<1, Int> {
    let index: Vec<i64> = (0..rows.dims()[0] * times).map(|row| (row / times) as i64).collect();
    Tensor::from_ints(index.as_slice(), &rows.device())
}

/// A sequence with its prompt, and its score: the sum of the log-probabilities of its new tokens, divided by the length penalty
/// if it has ended.
#[derive(Clone, Debug)]
struct Sequence {
    ids: Vec<i64>,
    score: f32,
}

/// A sequence of the step before, and a token after it.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    beam: usize,
    token: i64,
    score: f32,
    ends: bool,
}

/// The search for one batch entry.
struct Entry {
    /// The sequences that the search goes on with, the best first.
    running: Vec<Sequence>,
    /// The best sequences that have ended, at most one per beam, the best first.
    ended: Vec<Sequence>,
    /// Whether a running sequence may still become better than the ended ones.
    improvable: bool,
}

impl Entry {
    fn new(beams: &[Vec<i64>]) -> Self {
        let scores = std::iter::once(0.0).chain(std::iter::repeat(NO_BEAM));
        let running = beams.iter().zip(scores).map(|(ids, score)| Sequence { ids: ids.clone(), score });
        Self { running: running.collect(), ended: vec![], improvable: true }
    }

    fn is_full(&self) -> bool {
        self.ended.len() == self.running.len()
    }

    /// Takes the candidates of step `index`, the best first, and returns those that the search goes on with.
    fn advance(
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

/// Searches with the beams of each batch entry in consecutive rows. The rows start with `padding` ids of padding each.
pub(crate) fn search(
    mut steps: Steps<impl FnMut(usize, Option<Column>) -> Tensor<2>>,
    padding: &[usize],
    mut on_step: impl FnMut(Step),
) -> Result<Generated, ModelError> {
    let (config, device) = (steps.config, steps.start.device());
    let [rows, width] = steps.start.dims();
    let start: Vec<i64> = steps.start.into_data().iter().collect();
    let start: Vec<Vec<i64>> = start.chunks(width).map(<[i64]>::to_vec).collect();
    let mut entries: Vec<Entry> = start.chunks(config.num_beams).map(Entry::new).collect();
    let (mut column, mut non_finite, mut vocab_size) = (None, 0, 0);
    for index in 0..config.max_new_tokens {
        let logits = (steps.next)(index, column);
        non_finite += count_non_finite(&logits.to_data());
        let scores = Scores { config, padding, start: width, index }.of(&entries, logits.clone())?;
        vocab_size = logits.dims()[1];
        let (mut tokens, mut parents, mut all_end) = (vec![], vec![], true);
        for (place, (entry, scores)) in
            entries.iter_mut().zip(scores.chunks(config.num_beams * vocab_size)).enumerate()
        {
            let candidates = best(scores, vocab_size, index, config);
            all_end &= candidates.iter().all(|candidate| candidate.ends);
            for candidate in entry.advance(&candidates, index, config) {
                tokens.push(candidate.token);
                parents.push((place * config.num_beams + candidate.beam) as i64);
            }
        }
        let stopped = Default::default();
        on_step(Step { index, logits: &logits, tokens: &tokens, stopped: &stopped });
        let full = config.early_stopping == EarlyStopping::Full && entries.iter().all(Entry::is_full);
        if all_end || full || entries.iter().all(|entry| !entry.improvable) {
            break;
        }
        let parents = Tensor::from_ints(parents.as_slice(), &device);
        column = Some(Column { ids: int_tensor(tokens, [rows, 1], &device), rows: Some(parents) });
    }
    let best = entries.into_iter().flat_map(|entry| {
        entry.ended.into_iter().chain(entry.running).take(config.num_return_sequences).map(|best| best.ids)
    });
    let ids = rectangle(best.collect(), config, vocab_size)?;
    let shape = [ids.len(), ids[0].len()];
    Ok(Generated { ids: int_tensor(ids.concat(), shape, &device), non_finite })
}

/// Rows of one length. As in transformers, a padding token that is 0 is replaced by the first end token.
fn rectangle(
    mut rows: Vec<Vec<i64>>,
    config: &GenerationConfig,
    vocab_size: usize,
) -> Result<Vec<Vec<i64>>, ModelError> {
    let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
    let pad = match config.pad_token_id {
        0 => config.eos_token_id.first().copied().unwrap_or(0),
        pad => pad,
    };
    let pads = rows.iter().any(|row| row.len() < longest);
    check_pad(!pads || (0..vocab_size as i64).contains(&pad), pad, vocab_size)?;
    rows.iter_mut().for_each(|row| row.resize(longest, pad));
    Ok(rows)
}

/// What the scores of step `index` need.
struct Scores<'a> {
    config: &'a GenerationConfig,
    padding: &'a [usize],
    /// The number of ids that each sequence started with.
    start: usize,
    index: usize,
}

impl Scores<'_> {
    /// The scores of all tokens after all running sequences, `[batch·num_beams·vocab]`.
    fn of(&self, entries: &[Entry], logits: Tensor<2>) -> Result<Vec<f32>, ModelError> {
        let (config, [_, vocab]) = (self.config, logits.dims());
        if vocab < 2.max(1 + config.eos_token_id.len()) {
            return Err(refused(config.num_beams, "1 with fewer tokens in the vocabulary than end tokens"));
        }
        let forced = forced_token(config, self.start, self.index, vocab)?;
        let forbidden = config.forbidden(self.index < config.min_new_tokens, vocab);
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
fn best(scores: &[f32], vocab: usize, index: usize, config: &GenerationConfig) -> Vec<Candidate> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// Searches where the logits of a token depend on the token before it alone.
    fn run(config: &GenerationConfig, after: &[[f32; 4]; 4]) -> Vec<Vec<i64>> {
        let device = Device::flex();
        let rows = config.num_beams;
        let next = |_, column: Option<Column>| {
            let last: Vec<i64> =
                column.map_or(vec![0; rows], |column| column.ids.into_data().iter().collect());
            let logits: Vec<f32> = last.iter().flat_map(|&id| after[id as usize]).collect();
            Tensor::<1>::from_floats(logits.as_slice(), &device).reshape([rows, 4])
        };
        let start = Tensor::zeros([rows, 1], &device);
        let ids = search(Steps { start, config, next }, &[], |_| ()).unwrap().ids;
        let width = ids.dims()[1];
        let ids: Vec<i64> = ids.into_data().iter().collect();
        ids.chunks(width).map(<[i64]>::to_vec).collect()
    }

    fn table(probabilities: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
        probabilities.map(|row| row.map(f32::ln))
    }

    /// Token 1 ends. Greedy search takes 2 (0.6), whose best continuation has 0.35; by way of 3 the sequence is more likely.
    fn detour() -> [[f32; 4]; 4] {
        table([
            [0.0001, 0.0001, 0.6, 0.4],
            [0.25, 0.25, 0.25, 0.25],
            [0.3, 0.35, 0.3, 0.05],
            [0.01, 0.97, 0.01, 0.01],
        ])
    }

    fn config(beams: usize) -> GenerationConfig {
        GenerationConfig::new(2, vec![1]).with_pad_token_id(0).with_num_beams(beams)
    }

    #[test]
    fn a_likelier_sequence_is_found_behind_a_less_likely_token() {
        assert_eq!(run(&config(2), &detour()), [[0, 3, 1]]);
        let both = run(&config(2).with_num_return_sequences(2), &detour());
        assert_eq!(both, [[0, 3, 1], [0, 2, 1]]);
    }

    #[test]
    fn forced_and_forbidden_tokens_hold() {
        let forced = config(2).with_forced_bos_token_id(2);
        assert_eq!(run(&forced, &detour()), [[0, 2, 1]]);
        assert_eq!(run(&config(2).with_suppress_tokens(vec![3]), &detour()), [[0, 2, 1]]);
        let both = config(2).with_max_new_tokens(3).with_forced_eos_token_id(1).with_min_new_tokens(2);
        assert!(run(&both, &detour()).iter().all(|row| row.len() == 4 && row[3] == 1));
    }

    #[test]
    fn the_length_penalty_decides_between_short_and_long() {
        // Token 1 ends at once with 0.4; a longer sequence has 0.6 · 0.5 = 0.3.
        let table = table([
            [0.0001, 0.4, 0.6, 0.0001],
            [0.25, 0.25, 0.25, 0.25],
            [0.0001, 0.5, 0.0001, 0.5],
            [0.0001, 0.9, 0.0001, 0.0001],
        ]);
        let search = |penalty: f64| run(&config(2).with_length_penalty(penalty), &table)[0].clone();
        assert_eq!(search(0.0), [0, 1]);
        assert_eq!(search(2.0)[..2], [0, 2]);
    }

    #[test]
    fn impossible_settings_are_refused() {
        let error = |config: GenerationConfig| config.check().unwrap_err().to_string();
        assert!(error(config(0)).contains("num_beams"));
        assert!(error(config(1001)).contains("num_beams"));
        assert!(error(config(2).with_num_return_sequences(3)).contains("num_return_sequences"));
        assert!(error(config(2).with_length_penalty(f64::NAN)).contains("length_penalty"));
        assert!(error(config(2).with_sampling(crate::Sampling::new())).contains("1 where tokens are drawn"));
    }
}
