//! The functions that T5, BART and Whisper share: they have an encoder, a decoder that attends to its output, and a language-model head.

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use ia3_core::{assert_all_touched, batch_rows};

use crate::decoder_memory::{DecoderMemory, DecoderState};
use crate::error::ModelError;
use crate::inputs::{ModelInputs, PaddingSide, check_ids, check_labels, check_pad, check_rows, required};
use crate::loss::RowLosses;
use crate::mask;
use crate::output::{ModelOutput, Trace};
use crate::state_losses::{Projection, state_log_likelihoods, state_losses};

/// An encoder-decoder with a language-model head.
pub(crate) trait Seq2SeqLm: Module {
    /// The sizes and ids that the functions of this module need.
    fn facts(&self) -> Facts;

    /// Checks the input of the encoder, and the ids and masks of both stacks.
    fn check_inputs(&self, inputs: &ModelInputs) -> Result<(), ModelError> {
        let Facts { vocab_size, target_vocab_size, .. } = self.facts();
        inputs.check(vocab_size.max(target_vocab_size))?;
        check_ids("input_ids", &inputs.input_ids, vocab_size)?;
        check_ids("decoder_input_ids", &inputs.decoder_input_ids, target_vocab_size)
    }

    /// Encodes the input of the encoder, whose values are checked, and prepares the decoder. With a `capacity`, the decoder caches
    /// up to that many tokens and decodes step by step.
    fn encode(
        &self,
        inputs: &ModelInputs,
        capacity: Option<usize>,
        trace: Trace,
    ) -> Result<DecoderMemory, ModelError>;

    /// The hidden states `[batch, new, d]` of ids `[batch, new]` of the decoder, which follow the tokens in `memory`. The mask
    /// is that of all tokens, and is given only if there are none in `memory`.
    fn decode(
        &self,
        ids: Tensor<2, Int>,
        mask: Option<Tensor<2, Int>>,
        memory: &mut dyn DecoderState,
        trace: Trace,
    ) -> Tensor<3>;

    /// The logits `[batch, seq, vocab]` of hidden states of the decoder.
    fn project(&self, x: Tensor<3>) -> Tensor<3>;

    /// Whether [`project`](Self::project) computes each position for itself, and nothing in it is trained.
    fn has_fixed_head(&self) -> bool;

    /// The token `[batch, 1]` that starts the decoder's input for `labels` `[batch, seq]`, which hold padding and no ignored
    /// labels.
    fn first_tokens(&self, labels: &Tensor<2, Int>) -> Tensor<2, Int> {
        labels.zeros_like().narrow(1, 0, 1) + self.facts().decoder_start_token_id
    }
}

/// The sizes and ids of a model.
pub(crate) struct Facts {
    /// The number of ids of the encoder.
    pub(crate) vocab_size: usize,
    /// The number of ids of the decoder.
    pub(crate) target_vocab_size: usize,
    /// The number of blocks of the decoder.
    pub(crate) decoder_layers: usize,
    /// The number of positions of each stack that reads tokens, if they are in a table.
    pub(crate) max_positions: Option<usize>,
    pub(crate) pad_token_id: i64,
    /// The token that starts every sequence of the decoder.
    pub(crate) decoder_start_token_id: i64,
    /// Whether `decoder_input_ids` of a generation are what its text begins with. Otherwise they are not read.
    pub(crate) prompted: bool,
}

impl Facts {
    /// Checks that `tokens` of the input `name` fit into the table of positions.
    fn check_length(&self, name: &'static str, tokens: usize) -> Result<(), ModelError> {
        match self.max_positions {
            Some(max) if tokens > max => {
                let problem = format!("has {tokens} tokens per row, but the model has {max} positions");
                Err(ModelError::Input { name, problem })
            }
            _ => Ok(()),
        }
    }

    /// Checks the padding token, which takes the place of ignored labels.
    fn check_pad(&self) -> Result<(), ModelError> {
        let (pad, vocab) = (self.pad_token_id, self.target_vocab_size);
        check_pad((0..vocab as i64).contains(&pad), pad, vocab)
    }
}

/// The input of the decoder for `labels` `[batch, seq]`: the first token, then all labels except the last, with the padding
/// token in place of ignored ones.
pub(crate) fn shift_right(model: &impl Seq2SeqLm, labels: Tensor<2, Int>) -> Tensor<2, Int> {
    let ignored = labels.clone().equal_scalar(crate::IGNORE_INDEX);
    let labels = labels.mask_fill(ignored, model.facts().pad_token_id);
    let (start, [batch, seq]) = (model.first_tokens(&labels), labels.dims());
    Tensor::cat(vec![start, labels.slice([0..batch, 0..seq - 1])], 1)
}

pub(crate) fn run(
    model: &impl Seq2SeqLm,
    inputs: &ModelInputs,
    traced: bool,
) -> Result<ModelOutput, ModelError> {
    let (mut encoder, mut decoder) = (vec![], vec![]);
    let traces = [&mut encoder, &mut decoder].map(|states| Trace::into(traced.then_some(states)));
    let x = states(model, inputs, traces)?;
    let logits = ModelOutput::new(model.project(x));
    assert_all_touched(model);
    Ok(ModelOutput { encoder_hidden_states: encoder, decoder_hidden_states: decoder, ..logits })
}

/// Computes the logits `[batch, vocab]` at the last real token of each row of the decoder's input.
pub(crate) fn last_logits(model: &impl Seq2SeqLm, inputs: &ModelInputs) -> Result<Tensor<2>, ModelError> {
    let x = states(model, inputs, Default::default())?;
    let logits = model.project(mask::last_real(x, inputs.decoder_attention_mask.as_ref())).squeeze_dim(1);
    assert_all_touched(model);
    Ok(logits)
}

/// Computes the hidden states `[batch, decoder_seq, d]` of the decoder.
fn states(
    model: &impl Seq2SeqLm,
    inputs: &ModelInputs,
    [encoder, decoder]: [Trace; 2],
) -> Result<Tensor<3>, ModelError> {
    model.check_inputs(inputs)?;
    let ids = required("decoder_input_ids", &inputs.decoder_input_ids)?;
    model.facts().check_length("decoder_input_ids", ids.dims()[1])?;
    let mut memory = model.encode(inputs, None, encoder)?;
    Ok(model.decode(ids, inputs.decoder_attention_mask.clone(), &mut memory, decoder))
}

/// The tokens of an encoder and their mask, which are checked.
pub(crate) fn source_tokens(
    model: &impl Seq2SeqLm,
    inputs: &ModelInputs,
) -> Result<(Tensor<2, Int>, Option<Tensor<2, Int>>), ModelError> {
    check_rows(model, &inputs.input_ids)?;
    let ids = required("input_ids", &inputs.input_ids)?;
    model.facts().check_length("input_ids", ids.dims()[1])?;
    Ok((ids, inputs.attention_mask.clone()))
}

/// The losses of `labels` `[batch, seq]`. If there is no input for the decoder, it is made from them.
pub(crate) fn losses(
    model: &impl Seq2SeqLm,
    inputs: &ModelInputs,
    labels: Tensor<2, Int>,
) -> Result<RowLosses, ModelError> {
    let facts = model.facts();
    let positions = inputs.decoder_input_ids.as_ref().map_or(labels.dims(), Tensor::dims);
    check_labels(&labels, positions, facts.target_vocab_size)?;
    let mut inputs = inputs.clone();
    if inputs.decoder_input_ids.is_none() {
        facts.check_pad()?;
        inputs.decoder_input_ids = Some(shift_right(model, labels.clone()));
    }
    let x = states(model, &inputs, Default::default())?;
    let losses = state_losses(x, labels, &projection(model, &|x| model.project(x)));
    assert_all_touched(model);
    Ok(losses)
}

/// The log-likelihoods `[rows, seq]` of `labels` `[rows, seq]`, which are 0 for ignored labels. Row `r` of the labels is a text
/// after row `input_of[r]` of the inputs.
///
/// Each input is encoded once, unless rows have their own adapters: these rows are those of the labels, and each of them
/// encodes its input.
pub(crate) fn log_likelihoods(
    model: &impl Seq2SeqLm,
    inputs: &ModelInputs,
    labels: Tensor<2, Int>,
    input_of: &[usize],
) -> Result<Tensor<2>, ModelError> {
    let facts = model.facts();
    model.check_inputs(inputs)?;
    let sources = inputs.rows();
    check_labels(&labels, [input_of.len(), labels.dims()[1]], facts.target_vocab_size)?;
    facts.check_pad()?;
    facts.check_length("labels", labels.dims()[1])?;
    if let Some(row) = input_of.iter().find(|row| **row >= sources) {
        let problem = format!("names row {row} of {sources} inputs");
        return Err(ModelError::Input { name: "input_of", problem });
    }
    let index: Vec<i64> = input_of.iter().map(|&row| row as i64).collect();
    let index = Tensor::from_ints(index.as_slice(), &labels.device());
    let mut memory = match batch_rows(model) {
        None => model.encode(inputs, None, Trace::default())?.select(index),
        Some(_) => model.encode(&inputs.select(index), None, Trace::default())?,
    };
    let x = model.decode(shift_right(model, labels.clone()), None, &mut memory, Trace::default());
    let likelihoods = state_log_likelihoods(x, labels, &projection(model, &|x| model.project(x)));
    assert_all_touched(model);
    Ok(likelihoods)
}

fn projection<'a>(model: &impl Seq2SeqLm, project: &'a dyn Fn(Tensor<3>) -> Tensor<3>) -> Projection<'a> {
    Projection { project, is_fixed: model.has_fixed_head(), vocab_size: model.facts().target_vocab_size }
}

/// The log-likelihoods of `labels`, which are the texts of all `inputs` in order.
pub(crate) fn log_likelihoods_of_texts(
    model: &impl Seq2SeqLm,
    inputs: &[(&[i64], &[Vec<i64>])],
    labels: Tensor<2, Int>,
    device: &Device,
) -> Result<Tensor<2>, ModelError> {
    let rows: Vec<Vec<i64>> = inputs.iter().map(|(input, _)| input.to_vec()).collect();
    let rows = ModelInputs::from_rows(&rows, model.facts().pad_token_id, PaddingSide::Right, device);
    let input_of = inputs.iter().enumerate().flat_map(|(i, (_, texts))| vec![i; texts.len()]);
    log_likelihoods(model, &rows, labels, &input_of.collect::<Vec<_>>())
}
