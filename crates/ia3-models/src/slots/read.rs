//! A pass of a decoder-only model over new tokens of several slots.

use burn::tensor::{Int, Tensor, TensorData};
use ia3_core::assert_all_touched;
use ia3_ops::by_row;

use super::{SlotTokens, Slots, problem};
use crate::cache::KvCache;
use crate::causal::{CausalLm, Tokens, project};
use crate::error::ModelError;
use crate::inputs::{check_row_ids, int_tensor};
use crate::output::Trace;
use crate::slot_cache::Part;

/// See [`Model::read_tokens`](crate::Model::read_tokens).
pub(crate) fn read_tokens(
    model: &impl CausalLm,
    slots: &mut Slots,
    tokens: &[SlotTokens],
) -> Result<Tensor<2>, ModelError> {
    let ids: Vec<Vec<i64>> = tokens.iter().map(|part| part.ids.to_vec()).collect();
    // No row is padded here: each token is a row.
    check_row_ids(&ids, 0, model.facts().vocab_size)?;
    let parts = slots.parts(tokens)?;
    if parts.is_empty() {
        return Err(problem("has no tokens".into()));
    }
    let longest = parts.iter().map(|part| part.past + part.rows.len()).max().unwrap_or(0);
    if let Some(most) = longest_sequence(model).filter(|most| longest > *most) {
        return Err(problem(format!("has {longest} tokens, but the model takes {most} here")));
    }
    let device = model.devices().first().cloned().unwrap_or_default().without_autodiff();
    let rows = [ids.iter().map(Vec::len).sum(), 1];
    let tokens_of_pass = Tokens {
        ids: int_tensor(ids.concat(), rows, &device),
        positions: int_tensor(parts.iter().flat_map(positions).collect(), rows, &device),
        mask: None,
        past: longest - 1,
        by_slot: true,
    };
    slots.caches.iter_mut().filter_map(KvCache::slots).for_each(|cache| cache.begin(parts.clone()));
    let states = by_row(|| model.states(&tokens_of_pass, Some(&mut slots.caches), Trace::default()));
    slots.extend(&parts);
    let last = parts.iter().zip(tokens).filter(|(_, tokens)| tokens.wanted);
    let last: Vec<i64> = last.map(|(part, _)| part.rows.end as i64 - 1).collect();
    let wanted = last.len();
    let [_, _, d] = states.dims();
    if wanted == 0 {
        return Ok(Tensor::empty([0, d], &device));
    }
    let last = Tensor::<1, Int>::from_data(TensorData::new(last, [wanted]), &device);
    Ok(states.squeeze_dim::<2>(1).select(0, last))
}

fn positions(part: &Part) -> impl Iterator<Item = i64> + use<> {
    (part.past..part.past + part.rows.len()).map(|position| position as i64)
}

/// See [`Model::next_logits`](crate::Model::next_logits).
pub(crate) fn next_logits(model: &impl CausalLm, states: Tensor<2>) -> Tensor<2> {
    let logits = by_row(|| project(model, states.unsqueeze_dim(1)));
    assert_all_touched(model);
    logits.squeeze_dim(1)
}

/// The number of tokens of the longest sequence that slots can hold, if there is a limit: the positions of the model, or those up
/// to which the angles of its rotary embeddings do not depend on the length. Beyond, all keys would have to be computed again.
pub(crate) fn longest_sequence(model: &impl CausalLm) -> Option<usize> {
    let limits = [model.facts().max_positions, model.angles_fit_up_to()];
    limits.into_iter().flatten().min()
}
