//! Generates from prompts with a decoder-only model.

use burn::tensor::{Int, Tensor, TensorData};
use ia3_core::assert_all_touched;

use crate::beam::{repeated, rows_per_entry};
use crate::cache::KvCache;
use crate::causal::{CausalLm, Tokens, project};
use crate::decode::{Column, Steps, decode_padded};
use crate::error::ModelError;
use crate::generate::{Generated, GenerationConfig, Step};
use crate::inputs::{ModelInputs, PaddingSide, check_rows, required};
use crate::output::Trace;

/// Continues prompts, which may be padded on either side. The positions of a batch entry count its real tokens.
pub(crate) fn generate(
    model: &impl CausalLm,
    inputs: &ModelInputs,
    config: &GenerationConfig,
    on_step: impl FnMut(Step),
) -> Result<Generated, ModelError> {
    inputs.check(model.facts().vocab_size)?;
    check_rows(model, &inputs.input_ids)?;
    let beams = rows_per_entry(config, model)?;
    let entries = required("input_ids", &inputs.input_ids)?;
    let inputs = &inputs.select(repeated(&entries, beams));
    let ids = required("input_ids", &inputs.input_ids)?;
    let prompt = Prompt::new(&ids, inputs.attention_mask.as_ref());
    if let Some(max) = model.facts().max_positions {
        prompt.check_fits(config.max_new_tokens, max)?;
    }
    let new_cache = |_| KvCache::new(prompt.width() + config.max_new_tokens);
    let new_caches = || -> Vec<KvCache> { (0..model.facts().layers).map(new_cache).collect() };
    let mut caches = new_caches();
    // The generated tokens, as long as the cache may have to be filled again.
    let (limit, mut columns) = (model.cache_fits_up_to().filter(|limit| prompt.width() <= *limit), vec![]);
    let next = |step: usize, column: Option<Column>| {
        if let Some(rows) = column.as_ref().and_then(|column| column.rows.as_ref()) {
            caches.iter_mut().for_each(|cache| cache.select(rows));
            columns.iter_mut().for_each(|ids: &mut Tensor<2, Int>| {
                *ids = ids.clone().select(0, rows.clone());
            });
        }
        let column = column.map(|column| column.ids);
        let before = prompt.width() + step.saturating_sub(1);
        columns.extend(column.clone().filter(|_| limit.is_some_and(|limit| before <= limit)));
        let tokens = match column {
            None => prompt.tokens(),
            Some(_) if limit == Some(before) => {
                caches = new_caches();
                prompt.with(Tensor::cat(std::mem::take(&mut columns), 1))
            }
            Some(ids) => prompt.next(ids, step),
        };
        let x = model.states(&tokens, Some(&mut caches), Trace::default());
        let last = x.dims()[1] - 1;
        project(model, x.narrow(1, last, 1)).squeeze_dim(1)
    };
    let padding = inputs.attention_mask.as_ref().map_or(vec![], leading_padding);
    let generated = decode_padded(Steps { start: ids, config, next }, padding, on_step)?;
    assert_all_touched(model);
    Ok(generated)
}

/// The number of zeros before the first other value of each row; 0 for a row of zeros.
fn leading_padding(mask: &Tensor<2, Int>) -> Vec<usize> {
    let width = mask.dims()[1];
    let values: Vec<i64> = mask.to_data().iter().collect();
    values.chunks(width).map(|row| row.iter().position(|&value| value != 0).unwrap_or(0)).collect()
}

/// The prompts of a generation. They are padded on the left, whatever the padding of the input is, so that new tokens follow
/// real tokens.
struct Prompt {
    ids: Tensor<2, Int>,
    positions: Tensor<2, Int>,
    /// The mask, which is absent if no prompt is padded.
    mask: Option<Tensor<2, Int>>,
    /// The number of real tokens of each row.
    lengths: Vec<i64>,
}

impl Prompt {
    fn new(ids: &Tensor<2, Int>, mask: Option<&Tensor<2, Int>>) -> Self {
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

    fn width(&self) -> usize {
        self.ids.dims()[1]
    }

    fn check_fits(&self, new: usize, max: usize) -> Result<(), ModelError> {
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

    fn tokens(&self) -> Tokens {
        let (ids, positions) = (self.ids.clone(), self.positions.clone());
        Tokens { ids, positions, mask: self.mask.clone(), past: 0 }
    }

    /// All tokens after the generated tokens `new` `[batch, steps]`.
    fn with(&self, new: Tensor<2, Int>) -> Tokens {
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
        }
    }

    /// The tokens of step `step`. Steps count from 1.
    fn next(&self, ids: Tensor<2, Int>, step: usize) -> Tokens {
        let (batch, device) = (self.lengths.len(), ids.device());
        let new = Tensor::ones([batch, step], &device);
        let mask = self.mask.clone().map(|mask| Tensor::cat(vec![mask, new], 1));
        let positions: Vec<i64> = self.lengths.iter().map(|length| length + step as i64 - 1).collect();
        let positions = Tensor::from_data(TensorData::new(positions, [batch, 1]), &device);
        Tokens { ids, positions, mask, past: self.width() + step - 1 }
    }
}
