//! Generation with an encoder-decoder. The encoder runs once, and the decoder goes on from its prompt.

use ia3_core::assert_all_touched;

use crate::beam::{repeated, rows_per_entry};
use crate::decode::decode;
use crate::decode_steps::{Column, Steps};
use crate::decoder_prompt::{DecoderPrompt, last_logits};
use crate::error::ModelError;
use crate::generate::{Generated, GenerationConfig, Step};
use crate::inputs::ModelInputs;
use crate::output::Trace;
use crate::seq2seq::Seq2SeqLm;

/// Generates answers to the inputs of the encoder.
pub(crate) fn generate(
    model: &impl Seq2SeqLm,
    inputs: &ModelInputs,
    config: &GenerationConfig,
    on_step: impl FnMut(Step),
) -> Result<Generated, ModelError> {
    model.check_inputs(inputs)?;
    let prompt = DecoderPrompt::new(model, inputs, config)?;
    let beams = rows_per_entry(config, model)?;
    if config.prompt_lookup_num_tokens > 0 {
        return Err(config.no_drafts("0 for an encoder-decoder"));
    }
    let memory = model.encode(inputs, Some(prompt.len() + config.max_new_tokens), Trace::default())?;
    let start = prompt.tokens(model, &memory)?;
    let (start, mut memory) = match beams {
        1 => (start, memory),
        _ => {
            let rows = repeated(memory.rows(), beams, &memory.device());
            (start.select(0, rows.clone()), memory.select(rows))
        }
    };
    let first = start.clone();
    let next = |_, column: Option<Column>| {
        if let Some(rows) = column.as_ref().and_then(|column| column.rows.as_ref()) {
            memory.reorder(rows);
        }
        let ids = column.map_or_else(|| first.clone(), |column| column.ids);
        last_logits(model, ids, &mut memory)
    };
    let generated = decode(Steps { start, config, next }, on_step)?;
    assert_all_touched(model);
    Ok(generated)
}
