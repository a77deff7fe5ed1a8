//! Sequences in slots.

use burn::tensor::Tensor;

use super::Model;
use crate::architecture::{Architecture, with_architectures};
use crate::error::ModelError;
use crate::generate::GenerationConfig;
use crate::slots::{SlotTokens, Slots};

impl Model {
    /// Slots for up to `slots` sequences of up to `capacity` tokens each, all empty. In an encoder-decoder the inputs have up to
    /// `capacity` tokens too.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Unsupported`]: the model is no language model of texts.
    /// - [`ModelError::Input`]: the model has fewer positions than `capacity`; see [`longest_sequence`](Self::longest_sequence).
    pub fn slots(&self, slots: usize, capacity: usize) -> Result<Slots, ModelError> {
        if let Some(most) = self.longest_sequence().filter(|most| capacity > *most) {
            let problem =
                format!("would have room for {capacity} tokens, but the model takes {most} in a slot");
            return Err(ModelError::Input { name: "slots", problem });
        }
        each!(self, m => Architecture::slots(m, slots, capacity))
    }

    /// The number of tokens of the longest sequence in a slot, if the model has a limit: its positions, or the length from which on
    /// the angles of its rotary embeddings are others, so that keys in a cache would no longer fit.
    pub fn longest_sequence(&self) -> Option<usize> {
        each!(self, m => Architecture::longest_sequence(m))
    }

    /// The tokens that the decoder of an encoder-decoder reads before it generates, or `None` for a model that continues its input:
    /// the start token and [`GenerationConfig::decoder_prompt`].
    ///
    /// # Errors
    ///
    /// [`ModelError::Generation`]: a token is outside the vocabulary, or a language is to be detected.
    pub fn decoder_start(&self, config: &GenerationConfig) -> Result<Option<Vec<i64>>, ModelError> {
        each!(self, m => Architecture::decoder_start(m, config))
    }

    /// Reads the input of an encoder-decoder, and keeps in `slot` what its decoder attends to. The slot holds no tokens then.
    ///
    /// The input is a batch of one row, also for an [`AdapterTable`](ia3_core::AdapterTable), whatever the other slots hold.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Unsupported`]: the model is no encoder-decoder for texts.
    /// - [`ModelError::Input`]: there is no such slot, it has no room for the input, or an id is outside the vocabulary. The slots are
    ///   unchanged then.
    pub fn read_input(&self, slots: &mut Slots, slot: usize, ids: &[i64]) -> Result<(), ModelError> {
        each!(self, m => Architecture::read_input(m, slots, slot, ids))
    }

    /// Appends tokens to the sequences of some slots, all in one pass, and returns the hidden states of the last tokens that are
    /// wanted, `[wanted, d]`, in the order of `tokens`. [`next_logits`](Self::next_logits) makes logits of them. In an encoder-decoder
    /// the tokens are those of the decoder, which begin with [`decoder_start`](Self::decoder_start).
    ///
    /// Each token is a batch entry: if the model has an [`AdapterTable`](ia3_core::AdapterTable), its rows are the tokens of
    /// all slots, one after the other. On `flex` the states of a sequence have the same bits whatever the other slots hold, and
    /// however its tokens are cut into passes.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Unsupported`]: the model is no language model of texts.
    /// - [`ModelError::Input`]: an id is outside the vocabulary, a slot does not exist or is named twice, tokens do not fit
    ///   in their slot, or the input of a slot of an encoder-decoder is not read. The slots are unchanged then.
    pub fn read_tokens(&self, slots: &mut Slots, tokens: &[SlotTokens]) -> Result<Tensor<2>, ModelError> {
        each!(self, m => Architecture::read_tokens(m, slots, tokens))
    }

    /// The logits `[rows, vocab]` of the tokens that follow those with the states `[rows, d]`. On `flex` a row has the same bits
    /// whatever the other rows are.
    ///
    /// # Errors
    ///
    /// [`ModelError::Unsupported`]: the model is no language model of texts.
    pub fn next_logits(&self, states: Tensor<2>) -> Result<Tensor<2>, ModelError> {
        each!(self, m => Architecture::next_logits(m, states))
    }
}
