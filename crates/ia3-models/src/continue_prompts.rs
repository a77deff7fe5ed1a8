//! Generates from prompts with a decoder-only model.

use burn::tensor::{Int, Tensor};
use ia3_core::assert_all_touched;

use crate::beam::{repeated, rows_per_entry};
use crate::causal::{CausalLm, project};
use crate::decode::decode_padded;
use crate::decode_steps::{Column, Steps};
use crate::decoded_rows::DecodedRows;
use crate::error::ModelError;
use crate::generate::{Generated, GenerationConfig, Step};
use crate::inputs::{ModelInputs, check_rows, required};
use crate::output::Trace;
use crate::prompt::{Prompt, leading_padding};
use crate::prompt_lookup;

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
    let inputs = &inputs.select(repeated(entries.dims()[0], beams, &entries.device()));
    let ids = required("input_ids", &inputs.input_ids)?;
    let prompt = Prompt::new(&ids, inputs.attention_mask.as_ref());
    if let Some(max) = model.facts().max_positions {
        prompt.check_fits(config.max_new_tokens, max)?;
    }
    let padding = inputs.attention_mask.as_ref().map_or(vec![], leading_padding);
    if config.prompt_lookup_num_tokens > 0 {
        return prompt_lookup::generate(model, &prompt, DecodedRows::new(&ids, config, padding), on_step);
    }
    let new_caches = || prompt.new_caches(model.facts().layers, config.max_new_tokens);
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
    let generated = decode_padded(Steps { start: ids, config, next }, padding, on_step)?;
    assert_all_touched(model);
    Ok(generated)
}
