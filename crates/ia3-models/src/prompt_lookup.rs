//! Generates one sequence with drafts from its own text, as transformers does with `prompt_lookup_num_tokens`: what followed the
//! last tokens where they occurred before is checked in one pass of the model.
//!
//! Each token is chosen from the logits after the tokens before it, so the text is that of a generation without drafts. The logits
//! of several positions at a time may differ from those of one in the last digit, because sums have another order.

use burn::tensor::{Int, Tensor};
use ia3_core::assert_all_touched;

use crate::causal::{CausalLm, project};
use crate::decoded_rows::DecodedRows;
use crate::error::ModelError;
use crate::generate::{Generated, GenerationConfig, Step};
use crate::inputs::int_tensor;
use crate::output::Trace;
use crate::prompt::Prompt;

/// Continues one prompt.
pub(crate) fn generate(
    model: &impl CausalLm,
    prompt: &Prompt,
    mut rows: DecodedRows,
    mut on_step: impl FnMut(Step),
) -> Result<Generated, ModelError> {
    let (config, tokens) = (&rows.config().clone(), prompt.tokens());
    check(model, &tokens.ids, config)?;
    let device = tokens.ids.device();
    let mut caches = prompt.new_caches(model.facts().layers, config.max_new_tokens);
    let (mut tokens, mut draft, mut chosen) = (tokens, vec![], 0);
    while chosen < config.max_new_tokens && !rows.all_ended() {
        let logits =
            last_logits(model, model.states(&tokens, Some(&mut caches), Trace::default()), draft.len() + 1);
        for place in 0..=draft.len() {
            let token =
                rows.advance(chosen, logits.clone().narrow(1, place, 1).squeeze_dim(1), &mut on_step)?;
            chosen += 1;
            if rows.all_ended() || draft.get(place) != token.first() {
                break;
            }
        }
        // The last chosen token is not in the cache, and neither may be the part of the draft that was not chosen.
        caches.iter_mut().for_each(|cache| cache.truncate(prompt.width() + chosen - 1));
        let longest = (config.max_new_tokens - chosen).saturating_sub(1);
        draft = after_earlier_occurrence(rows.first(), config, longest);
        let next: Vec<i64> = rows.first().last().copied().into_iter().chain(draft.clone()).collect();
        let shape = [1, next.len()];
        tokens = prompt.next(int_tensor(next, shape, &device), chosen);
    }
    assert_all_touched(model);
    Ok(rows.into_generated(&device))
}

/// The logits `[1, count, vocab]` of the last `count` positions.
fn last_logits(model: &impl CausalLm, states: Tensor<3>, count: usize) -> Tensor<3> {
    let seq = states.dims()[1];
    project(model, states.narrow(1, seq - count, count))
}

fn check(model: &impl CausalLm, ids: &Tensor<2, Int>, config: &GenerationConfig) -> Result<(), ModelError> {
    let [rows, width] = ids.dims();
    let expected = match model.cache_fits_up_to() {
        _ if rows > 1 => "0 for more than one sequence",
        Some(limit) if width + config.max_new_tokens > limit => {
            "0 where the sequence may outgrow the original context, from which on all keys change"
        }
        _ => return Ok(()),
    };
    Err(config.no_drafts(expected))
}

/// At most `longest` tokens that followed the last ones where these occurred before, most recently and in the longest group up to
/// `max_matching_ngram_size`.
fn after_earlier_occurrence(ids: &[i64], config: &GenerationConfig, longest: usize) -> Vec<i64> {
    let before = &ids[..ids.len() - 1];
    let count = config.prompt_lookup_num_tokens.min(longest);
    let groups = (1..=config.max_matching_ngram_size.min(before.len())).rev();
    let found = groups.filter_map(|size| {
        let group = &ids[ids.len() - size..];
        before.windows(size).rposition(|window| window == group).map(|at| at + size)
    });
    let followed = found.take(1).flat_map(|at| &ids[at..]);
    followed.take(count).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(ids: &[i64], tokens: usize, longest: usize) -> Vec<i64> {
        let config = GenerationConfig::new(9, vec![1]).with_prompt_lookup_num_tokens(tokens);
        after_earlier_occurrence(ids, &config, longest)
    }

    #[test]
    fn a_draft_follows_the_longest_and_latest_occurrence() {
        // Two tokens match at the start, one more recently.
        assert_eq!(draft(&[3, 4, 5, 6, 4, 9, 3, 4], 2, 9), [5, 6]);
        assert_eq!(draft(&[4, 5, 4, 6, 7, 4], 9, 9), [6, 7, 4]);
        assert_eq!(draft(&[4, 5, 4, 6, 7, 4], 9, 1), [6]);
    }

    #[test]
    fn there_is_no_draft_where_nothing_occurred_before() {
        assert!(draft(&[3, 4, 5], 4, 9).is_empty());
        assert!(draft(&[3], 4, 9).is_empty());
        assert!(draft(&[3, 3], 4, 0).is_empty());
        assert_eq!(draft(&[3, 3], 4, 9), [3]);
    }
}
