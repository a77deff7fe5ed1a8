//! Penalties on tokens that a row has already.

use crate::generate::GenerationConfig;

/// Whether the settings change logits by the tokens before them.
pub(crate) fn are_set(config: &GenerationConfig) -> bool {
    config.repetition_penalty != 1.0 || config.no_repeat_ngram_size > 0
}

/// Changes the logits `[vocab]` of the token after `row`, in the order of transformers. The row starts with `padding` ids, which
/// are not penalised.
pub(crate) fn apply(config: &GenerationConfig, row: &[i64], padding: usize, logits: &mut [f32]) {
    if config.repetition_penalty != 1.0 {
        penalise(config.repetition_penalty as f32, row.get(padding..).unwrap_or_default(), logits);
    }
    if config.no_repeat_ngram_size > 0 {
        for id in repeated(config.no_repeat_ngram_size, row) {
            if let Some(logit) = place(id).and_then(|id| logits.get_mut(id)) {
                *logit = f32::NEG_INFINITY;
            }
        }
    }
}

fn place(id: i64) -> Option<usize> {
    id.try_into().ok()
}

/// `RepetitionPenaltyLogitsProcessor` of `generation/logits_process.py`.
fn penalise(penalty: f32, row: &[i64], logits: &mut [f32]) {
    let mut ids: Vec<usize> = row.iter().filter_map(|&id| place(id)).collect();
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        if let Some(logit) = logits.get_mut(id) {
            *logit = if *logit < 0.0 { *logit * penalty } else { *logit / penalty };
        }
    }
}

/// The tokens that would complete a group of `size` tokens which the row has already.
fn repeated(size: usize, row: &[i64]) -> Vec<i64> {
    let Some(start) = (row.len() + 1).checked_sub(size) else { return vec![] };
    let last = &row[start..];
    let groups = row.windows(size).filter(|group| group[..size - 1] == *last);
    groups.map(|group| group[size - 1]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_the_row_are_less_likely_whatever_their_sign() {
        let mut logits = [2.0, -2.0, 3.0, -1.0];
        let config = GenerationConfig::new(1, vec![]).with_repetition_penalty(2.0);
        apply(&config, &[3, 0, 1, 0, -100, 9], 1, &mut logits);
        assert_eq!(logits, [1.0, -4.0, 3.0, -1.0]);
    }

    #[test]
    fn groups_do_not_come_twice() {
        assert_eq!(repeated(1, &[4, 7, 4]), [4, 7, 4]);
        assert_eq!(repeated(2, &[4, 7, 5, 4]), [7]);
        assert_eq!(repeated(3, &[1, 2, 3, 1, 2, 4, 1, 2]), [3, 4]);
        assert_eq!(repeated(3, &[1]), [0i64; 0]);
        assert_eq!(repeated(2, &[]), [0i64; 0]);
    }
}
