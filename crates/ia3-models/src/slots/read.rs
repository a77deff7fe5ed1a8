//! A pass of a decoder-only model over new tokens of several slots.

use burn::tensor::Tensor;
use ia3_core::assert_all_touched;
use ia3_ops::by_row;

use super::pass::Pass;
use super::{SlotTokens, Slots};
use crate::cache::KvCache;
use crate::causal::{CausalLm, Tokens, project};
use crate::error::ModelError;
use crate::inputs::int_tensor;
use crate::output::Trace;

/// See [`Model::read_tokens`](crate::Model::read_tokens).
pub(crate) fn read_tokens(
    model: &impl CausalLm,
    slots: &mut Slots,
    tokens: &[SlotTokens],
) -> Result<Tensor<2>, ModelError> {
    let pass = Pass::new(slots, tokens, model.facts().vocab_size, longest_sequence(model))?;
    let device = model.devices().first().cloned().unwrap_or_default().without_autodiff();
    let positions: Vec<i64> = pass.positions().into_iter().map(|position| position as i64).collect();
    let rows = [positions.len(), 1];
    let tokens = Tokens {
        ids: pass.ids(&device),
        positions: int_tensor(positions, rows, &device),
        mask: None,
        past: pass.longest() - 1,
        by_slot: true,
    };
    slots.caches.iter_mut().filter_map(KvCache::slots).for_each(|cache| cache.begin(pass.parts.clone()));
    let states = by_row(|| model.states(&tokens, Some(&mut slots.caches), Trace::default()));
    slots.extend(&pass.parts);
    Ok(pass.wanted(states))
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
