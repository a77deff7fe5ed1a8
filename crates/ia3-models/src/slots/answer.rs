//! The passes of an encoder-decoder: over the input of a slot, and over new tokens of several slots.

use std::sync::Arc;

use burn::tensor::Tensor;
use ia3_core::assert_all_touched;
use ia3_ops::{SlotRow, by_row};

use super::pass::Pass;
use super::{SlotTokens, Slots, problem};
use crate::cache::KvCache;
use crate::decoder_memory::{Cross, DecoderState};
use crate::error::ModelError;
use crate::inputs::{ModelInputs, PaddingSide};
use crate::mask;
use crate::output::Trace;
use crate::past::Past;
use crate::seq2seq::Seq2SeqLm;
use crate::slot_cache::{Part, SlotCache};

/// See [`Model::read_input`](crate::Model::read_input).
pub(crate) fn read_input(
    model: &impl Seq2SeqLm,
    slots: &mut Slots,
    slot: usize,
    ids: &[i64],
) -> Result<(), ModelError> {
    let (count, capacity) = (slots.count(), slots.capacity);
    if slot >= count || !(1..=capacity).contains(&ids.len()) {
        let new = ids.len();
        return Err(problem(format!(
            "has {new} tokens for slot {slot}, but there are {count} slots for 1 to {capacity} tokens"
        )));
    }
    let device = model.devices().first().cloned().unwrap_or_default().without_autodiff();
    let pad = model.facts().pad_token_id;
    let inputs = ModelInputs::from_rows(&[ids.to_vec()], pad, PaddingSide::Right, &device);
    model.check_inputs(&inputs)?;
    let cross = model.encode(&inputs, None, Trace::default())?.into_cross();
    slots.clear(slot);
    let part: Arc<[Part]> = Arc::new([Part { slot, past: 0, rows: 0..ids.len() }]);
    for (cache, [k, v]) in slots.inputs.iter_mut().zip(cross) {
        cache.begin(part.clone());
        cache.append(k.swap_dims(0, 2), v.swap_dims(0, 2));
    }
    slots.input_lengths[slot] = ids.len();
    Ok(())
}

/// See [`Model::read_tokens`](crate::Model::read_tokens).
pub(crate) fn read_answers(
    model: &impl Seq2SeqLm,
    slots: &mut Slots,
    tokens: &[SlotTokens],
) -> Result<Tensor<2>, ModelError> {
    let facts = model.facts();
    let pass = Pass::new(slots, tokens, facts.target_vocab_size, facts.max_positions)?;
    if let Some(part) = pass.parts.iter().find(|part| slots.input_lengths[part.slot] == 0) {
        let slot = part.slot;
        return Err(problem(format!("has tokens for slot {slot}, whose input is not read; read it first")));
    }
    let device = model.devices().first().cloned().unwrap_or_default().without_autodiff();
    slots.caches.iter_mut().filter_map(KvCache::slots).for_each(|cache| cache.begin(pass.parts.clone()));
    let mut state = SlotState::new(slots, &pass);
    let states = by_row(|| model.decode(pass.ids(&device), None, &mut state, Trace::default()));
    slots.extend(&pass.parts);
    Ok(pass.wanted(states))
}

/// See [`Model::next_logits`](crate::Model::next_logits).
pub(crate) fn answer_logits(model: &impl Seq2SeqLm, states: Tensor<2>) -> Tensor<2> {
    let logits = by_row(|| model.project(states.unsqueeze_dim(1)));
    assert_all_touched(model);
    logits.squeeze_dim(1)
}

/// What the rows of a pass attend to.
struct SlotState<'a> {
    caches: &'a mut [KvCache],
    inputs: &'a [SlotCache],
    /// Where the keys of the input of each row lie.
    rows: Arc<Vec<SlotRow>>,
    bias: Tensor<4>,
    past: Past,
}

impl<'a> SlotState<'a> {
    fn new(slots: &'a mut Slots, pass: &Pass) -> Self {
        let of_part = |part: &Part| {
            let row = SlotRow { slot: part.slot, keys: slots.input_lengths[part.slot] };
            std::iter::repeat_n(row, part.rows.len())
        };
        let rows: Vec<SlotRow> = pass.parts.iter().flat_map(of_part).collect();
        let longest = rows.iter().map(|row| row.keys).max().unwrap_or(0);
        let (device, dtype) = slots.inputs[0].place().expect("an input was read");
        let (bias, past) = (mask::open(longest, &device, dtype), Past::ByRow(pass.positions()));
        Self { caches: &mut slots.caches, inputs: &slots.inputs, rows: Arc::new(rows), bias, past }
    }
}

impl DecoderState for SlotState<'_> {
    fn past(&self) -> Past {
        self.past.clone()
    }

    fn block(&mut self, i: usize) -> (Cross<'_>, Option<&mut KvCache>) {
        (Cross::Slots(&self.inputs[i], &self.rows, &self.bias), Some(&mut self.caches[i]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Model, ModelConfig};
    use burn::tensor::Device;

    /// A model with random weights, so no two tokens and no two inputs give the same states.
    fn tiny() -> Model {
        let json = r#"{"model_type": "m2m_100", "vocab_size": 40, "d_model": 8, "encoder_layers": 1,
            "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
            "encoder_ffn_dim": 8, "decoder_ffn_dim": 8, "init_std": 1.0}"#;
        ModelConfig::from_json(json).unwrap().init(&Device::flex())
    }

    fn states(model: &Model, slots: &mut Slots, slot: usize, ids: &[i64]) -> Vec<f32> {
        let tokens = [SlotTokens { slot, ids, wanted: true }];
        model.read_tokens(slots, &tokens).unwrap().into_data().iter().collect()
    }

    #[test]
    fn a_slot_needs_an_input_that_fits() {
        let model = tiny();
        let mut slots = model.slots(2, 4).unwrap();
        let mut read = |slot, ids: &[i64]| model.read_input(&mut slots, slot, ids).unwrap_err().to_string();
        for (slot, ids) in [(0, vec![]), (0, vec![3; 5]), (2, vec![3])] {
            assert!(read(slot, &ids).contains("2 slots for 1 to 4 tokens"), "{slot} {ids:?}");
        }
        assert!(read(0, &[40]).contains("outside the vocabulary"));
        let tokens = [SlotTokens { slot: 1, ids: &[2], wanted: true }];
        let error = model.read_tokens(&mut slots, &tokens).unwrap_err().to_string();
        assert!(error.contains("slot 1, whose input is not read"), "{error}");
    }

    #[test]
    fn a_copy_goes_on_as_the_slot_that_it_is_of() {
        let model = tiny();
        let mut slots = model.slots(3, 4).unwrap();
        model.read_input(&mut slots, 0, &[3, 4, 5]).unwrap();
        model.read_input(&mut slots, 2, &[6]).unwrap();
        states(&model, &mut slots, 0, &[2, 7]);
        slots.copy(0, 1, 1);
        assert_eq!((slots.len(1), slots.input_len(1), slots.input_len(2)), (1, 3, 1));
        let copied = states(&model, &mut slots, 1, &[8]);
        slots.truncate(0, 1);
        assert_eq!(copied, states(&model, &mut slots, 0, &[8]));
        let other = states(&model, &mut slots, 2, &[2, 8]);
        assert_ne!(copied, other, "another input has other states");
        slots.clear(0);
        assert_eq!((slots.len(0), slots.input_len(0)), (0, 0));
    }
}
