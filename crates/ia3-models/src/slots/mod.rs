//! Sequences that enter and leave a running batch: each has a slot of the cache, with its own length.

mod answer;
mod pass;
mod read;

use std::sync::Arc;

use crate::cache::KvCache;
use crate::error::ModelError;
use crate::slot_cache::{Part, SlotCache};

pub(crate) use answer::{answer_logits, read_answers, read_input};
pub(crate) use read::{longest_sequence, next_logits, read_tokens};

/// The keys and values of sequences that a language model continues at the same time, each in a slot of its own.
///
/// [`Model::read_tokens`](crate::Model::read_tokens) appends tokens to any of them in one pass. A slot is empty, or holds the
/// tokens of one sequence; [`clear`](Self::clear) makes it free for another. In an encoder-decoder the tokens are those of the decoder,
/// and a slot also holds the keys and values of the input that [`Model::read_input`](crate::Model::read_input) has read. The memory
/// is allocated in the first pass and does not grow.
#[derive(Debug)]
pub struct Slots {
    caches: Vec<KvCache>,
    lengths: Vec<usize>,
    capacity: usize,
    /// The keys and values of the inputs of an encoder-decoder, for each block of its decoder.
    inputs: Vec<SlotCache>,
    /// The number of tokens of the input in each slot.
    input_lengths: Vec<usize>,
}

/// New tokens of the sequence in a slot.
#[derive(Clone, Copy, Debug)]
pub struct SlotTokens<'a> {
    /// The slot.
    pub slot: usize,
    /// The ids, at least one. They follow the tokens that the slot holds.
    pub ids: &'a [i64],
    /// Whether the state of the last token is wanted. A part of a prompt that is not its end wants none.
    pub wanted: bool,
}

impl Slots {
    /// Empty slots for sequences of up to `capacity` tokens on a model of `layers` blocks.
    pub(crate) fn new(layers: usize, slots: usize, capacity: usize) -> Self {
        let cache = |_| KvCache::of_slots(SlotCache::new(slots, capacity));
        let caches = (0..layers).map(cache).collect();
        Self { caches, lengths: vec![0; slots], capacity, inputs: vec![], input_lengths: vec![0; slots] }
    }

    /// The same for an encoder-decoder with a decoder of `layers` blocks, whose inputs have up to `capacity` tokens too.
    pub(crate) fn with_inputs(layers: usize, slots: usize, capacity: usize) -> Self {
        let inputs = (0..layers).map(|_| SlotCache::new(slots, capacity)).collect();
        Self { inputs, ..Self::new(layers, slots, capacity) }
    }

    /// The number of slots.
    pub fn count(&self) -> usize {
        self.lengths.len()
    }

    /// The number of tokens that a slot has room for, and in an encoder-decoder also the number of tokens of its input.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The number of tokens that a slot holds.
    ///
    /// # Panics
    ///
    /// Panics if there is no such slot.
    pub fn len(&self, slot: usize) -> usize {
        self.lengths[slot]
    }

    /// The number of tokens of the input that a slot holds; 0 in a decoder-only model.
    ///
    /// # Panics
    ///
    /// Panics if there is no such slot.
    pub fn input_len(&self, slot: usize) -> usize {
        self.input_lengths[slot]
    }

    /// Whether no slot holds a token.
    pub fn is_empty(&self) -> bool {
        self.lengths.iter().all(|len| *len == 0)
    }

    /// Forgets the tokens of a slot, and its input.
    ///
    /// # Panics
    ///
    /// Panics if there is no such slot.
    pub fn clear(&mut self, slot: usize) {
        self.truncate(slot, 0);
        self.input_lengths[slot] = 0;
    }

    /// Forgets all tokens of a slot but the first `len`. Its input stays.
    ///
    /// # Panics
    ///
    /// Panics if there is no such slot.
    pub fn truncate(&mut self, slot: usize, len: usize) {
        self.lengths[slot] = self.lengths[slot].min(len);
    }

    /// Makes slot `to` hold the first `len` tokens that slot `from` holds, or all of them if it holds fewer, and its input.
    ///
    /// # Panics
    ///
    /// Panics if there is no such slot.
    pub fn copy(&mut self, from: usize, to: usize, len: usize) {
        let (len, of_input) = (self.lengths[from].min(len), self.input_lengths[from]);
        if from != to {
            self.caches.iter_mut().filter_map(KvCache::slots).for_each(|cache| cache.copy(from, to, len));
            self.inputs.iter_mut().for_each(|cache| cache.copy(from, to, of_input));
        }
        (self.lengths[to], self.input_lengths[to]) = (len, of_input);
    }

    /// The bytes that the keys and values take; 0 before the first pass.
    pub fn num_bytes(&mut self) -> usize {
        let caches = self.caches.iter_mut().filter_map(KvCache::slots).map(|cache| cache.num_bytes());
        caches.chain(self.inputs.iter().map(SlotCache::num_bytes)).sum()
    }

    /// The parts of a pass, checked, in the order of the batch.
    fn parts(&self, tokens: &[SlotTokens]) -> Result<Arc<[Part]>, ModelError> {
        let mut start = 0;
        let mut taken = vec![false; self.count()];
        let part = |tokens: &SlotTokens| {
            let (slot, new) = (tokens.slot, tokens.ids.len());
            match taken.get_mut(slot) {
                Some(taken) if !*taken => *taken = true,
                _ => return Err(problem(format!("names slot {slot} twice, or there is no such slot"))),
            }
            let past = self.lengths[slot];
            if new == 0 || past + new > self.capacity {
                let capacity = self.capacity;
                return Err(problem(format!(
                    "has {new} tokens for a slot that holds {past} of {capacity}; at least 1 has to be new, and all have to fit"
                )));
            }
            let rows = start..start + new;
            start += new;
            Ok(Part { slot, past, rows })
        };
        tokens.iter().map(part).collect()
    }

    /// Records that the tokens of a pass are in the cache.
    fn extend(&mut self, parts: &[Part]) {
        parts.iter().for_each(|part| self.lengths[part.slot] = part.past + part.rows.len());
    }
}

fn problem(problem: String) -> ModelError {
    ModelError::Input { name: "input_ids", problem }
}
