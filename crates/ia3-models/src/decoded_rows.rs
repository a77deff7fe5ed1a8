//! The sequences of a generation without beams, and the choice of their next tokens.

use std::borrow::Cow;
use std::cell::RefCell;

use burn::tensor::{Device, Int, Tensor};
use ia3_core::count_non_finite;

use crate::decode_steps::forced_token;
use crate::error::ModelError;
use crate::generate::{Generated, GenerationConfig, Step};
use crate::inputs::{check_pad, int_tensor};
use crate::sample::Sampler;

/// The sequences so far, one for each batch entry.
#[derive(Debug)]
pub(crate) struct DecodedRows<'a> {
    config: Cow<'a, GenerationConfig>,
    /// The number of ids that each sequence started with.
    start: usize,
    rows: Vec<Vec<i64>>,
    ended: Vec<bool>,
    /// The entries that the caller has ended.
    stopped: RefCell<Vec<bool>>,
    sampler: Sampler<'a>,
    non_finite: usize,
}

impl<'a> DecodedRows<'a> {
    /// Sequences that start with the ids `start` `[batch, seq]`, of which `padding` ids of each row are padding.
    pub(crate) fn new(start: &Tensor<2, Int>, config: &'a GenerationConfig, padding: Vec<usize>) -> Self {
        let ids: Vec<i64> = start.to_data().iter().collect();
        let rows = ids.chunks(start.dims()[1]).map(<[i64]>::to_vec).collect();
        Self::of_rows(rows, Cow::Borrowed(config), padding)
    }

    /// Sequences that start with these ids, which are as many for each.
    pub(crate) fn of_rows(
        rows: Vec<Vec<i64>>,
        config: Cow<'a, GenerationConfig>,
        padding: Vec<usize>,
    ) -> Self {
        let batch = rows.len();
        Self {
            start: rows.first().map_or(0, Vec::len),
            rows,
            ended: vec![false; batch],
            stopped: RefCell::new(vec![false; batch]),
            sampler: Sampler::new(config.clone(), batch).with_padding(padding),
            config,
            non_finite: 0,
        }
    }

    /// Chooses the tokens of step `index` from the logits `[batch, vocab]`, appends them, and returns them.
    pub(crate) fn advance(
        &mut self,
        index: usize,
        logits: Tensor<2>,
        on_step: &mut impl FnMut(Step),
    ) -> Result<Vec<i64>, ModelError> {
        let (config, [batch, vocab]) = (&self.config, logits.dims());
        self.non_finite += count_non_finite(&logits.to_data());
        let pads = self.ended.contains(&true);
        check_pad(!pads || (0..vocab as i64).contains(&config.pad_token_id), config.pad_token_id, vocab)?;
        let mut tokens = match forced_token(config, self.start, index, vocab)? {
            Some(id) => vec![id; batch],
            None => self.sampler.choose(logits.clone(), &self.rows, index),
        };
        for (token, ended) in tokens.iter_mut().zip(&mut self.ended) {
            *token = if *ended { config.pad_token_id } else { *token };
            *ended |= config.eos_token_id.contains(token);
        }
        self.rows.iter_mut().zip(&tokens).for_each(|(row, &token)| row.push(token));
        on_step(Step { index, logits: &logits, tokens: &tokens, stopped: &self.stopped });
        self.ended.iter_mut().zip(&*self.stopped.borrow()).for_each(|(ended, stopped)| *ended |= stopped);
        Ok(tokens)
    }

    /// Whether all sequences have ended.
    pub(crate) fn all_ended(&self) -> bool {
        self.ended.iter().all(|ended| *ended)
    }

    /// The settings of the generation.
    pub(crate) fn config(&self) -> &GenerationConfig {
        &self.config
    }

    /// The number of logits so far that were NaN or infinite.
    pub(crate) fn non_finite(&self) -> usize {
        self.non_finite
    }

    /// The ids of the first sequence.
    pub(crate) fn first(&self) -> &[i64] {
        &self.rows[0]
    }

    /// The result of the generation.
    pub(crate) fn into_generated(self, device: &Device) -> Generated {
        let shape = [self.rows.len(), self.rows[0].len()];
        Generated { ids: int_tensor(self.rows.concat(), shape, device), non_finite: self.non_finite }
    }
}
