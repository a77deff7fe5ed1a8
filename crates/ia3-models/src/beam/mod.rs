//! Beam search, as `_beam_search` of transformers (`generation/utils.py`) does it.

mod entry;
mod rows;
mod scores;

use burn::tensor::Tensor;
use ia3_core::count_non_finite;

use self::entry::Entry;
pub(crate) use self::rows::{repeated, rows_per_entry};
use self::scores::{Scores, best};
use crate::decode_steps::{Column, Steps};
use crate::error::ModelError;
use crate::generate::{EarlyStopping, Generated, GenerationConfig, Step};
use crate::inputs::{check_pad, int_tensor};

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
