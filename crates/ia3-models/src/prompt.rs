//! The prompts of a generation with a decoder-only model.

use burn::tensor::{Int, Tensor, TensorData};

use crate::cache::KvCache;
use crate::causal::Tokens;
use crate::error::ModelError;
use crate::inputs::{ModelInputs, PaddingSide};

/// The number of zeros before the first other value of each row; 0 for a row of zeros.
pub(crate) fn leading_padding(mask: &Tensor<2, Int>) -> Vec<usize> {
    let width = mask.dims()[1];
    let values: Vec<i64> = mask.to_data().iter().collect();
    values.chunks(width).map(|row| row.iter().position(|&value| value != 0).unwrap_or(0)).collect()
}

/// The prompts of a generation. They are padded on the left, whatever the padding of the input is, so that new tokens follow
/// real tokens.
pub(crate) struct Prompt {
    ids: Tensor<2, Int>,
    positions: Tensor<2, Int>,
    /// The mask, which is absent if no prompt is padded.
    mask: Option<Tensor<2, Int>>,
    /// The number of real tokens of each row.
    lengths: Vec<i64>,
}

impl Prompt {
    pub(crate) fn new(ids: &Tensor<2, Int>, mask: Option<&Tensor<2, Int>>) -> Self {
        let device = ids.device();
        let [batch, width] = ids.dims();
        let values = |t: &Tensor<2, Int>| -> Vec<i64> { t.to_data().iter().collect() };
        let (tokens, mask) = (values(ids), mask.map_or(vec![1; batch * width], values));
        let real = |row: usize| {
            let row = row * width..(row + 1) * width;
            let pairs = tokens[row.clone()].iter().zip(&mask[row]);
            pairs.filter(|(_, real)| **real != 0).map(|(id, _)| *id).collect::<Vec<_>>()
        };
        let mut rows: Vec<Vec<i64>> = (0..batch).map(real).collect();
        let lengths: Vec<i64> = rows.iter().map(|row| row.len() as i64).collect();
        if rows.iter().all(Vec::is_empty) {
            rows[0].push(tokens[0]); // All tokens are padding, but the model needs at least one token.
        }
        let left = ModelInputs::from_rows(&rows, tokens[0], PaddingSide::Left, &device);
        let padded = rows.iter().any(|row| row.len() != rows[0].len());
        Self {
            mask: left.attention_mask.filter(|_| padded),
            ids: left.input_ids.expect("`from_rows` gives ids"),
            positions: left.position_ids.expect("`from_rows` gives positions on the left"),
            lengths,
        }
    }

    pub(crate) fn width(&self) -> usize {
        self.ids.dims()[1]
    }

    /// Empty caches for the prompts and `new` tokens, one for each of `layers`.
    pub(crate) fn new_caches(&self, layers: usize, new: usize) -> Vec<KvCache> {
        (0..layers).map(|_| KvCache::new(self.width() + new)).collect()
    }

    pub(crate) fn check_fits(&self, new: usize, max: usize) -> Result<(), ModelError> {
        let longest = self.lengths.iter().copied().max().unwrap_or(0) as usize;
        // The model never reads the last generated token, so it needs no position.
        if longest + new <= max + 1 {
            return Ok(());
        }
        let problem = format!(
            "has {longest} tokens; with {new} new tokens this exceeds the {max} positions of the model"
        );
        Err(ModelError::Input { name: "input_ids", problem })
    }

    pub(crate) fn tokens(&self) -> Tokens {
        let (ids, positions) = (self.ids.clone(), self.positions.clone());
        Tokens { ids, positions, mask: self.mask.clone(), past: 0, by_slot: false }
    }

    /// All tokens after the generated tokens `new` `[batch, steps]`.
    pub(crate) fn with(&self, new: Tensor<2, Int>) -> Tokens {
        let ([batch, steps], device) = (new.dims(), new.device());
        let (first, ones) = (self.tokens(), Tensor::ones([batch, steps], &device));
        let after = |length: &i64| (0..steps as i64).map(move |step| length + step).collect::<Vec<_>>();
        let positions: Vec<i64> = self.lengths.iter().flat_map(after).collect();
        let positions = Tensor::from_data(TensorData::new(positions, [batch, steps]), &device);
        Tokens {
            ids: Tensor::cat(vec![first.ids, new], 1),
            positions: Tensor::cat(vec![first.positions, positions], 1),
            mask: first.mask.map(|mask| Tensor::cat(vec![mask, ones], 1)),
            past: 0,
            by_slot: false,
        }
    }

    /// The tokens `ids` `[batch, count]` from step `step` on. Steps count from 1.
    pub(crate) fn next(&self, ids: Tensor<2, Int>, step: usize) -> Tokens {
        let ([batch, count], device) = (ids.dims(), ids.device());
        let new = Tensor::ones([batch, step + count - 1], &device);
        let mask = self.mask.clone().map(|mask| Tensor::cat(vec![mask, new], 1));
        let first = self.lengths.iter().map(|length| length + step as i64 - 1);
        let positions: Vec<i64> = first.flat_map(|first| first..first + count as i64).collect();
        let positions = Tensor::from_data(TensorData::new(positions, [batch, count]), &device);
        Tokens { ids, positions, mask, past: self.width() + step - 1, by_slot: false }
    }
}
