use burn::tensor::{Int, Tensor};

use crate::error::ModelError;
use crate::loss::IGNORE_INDEX;

/// The inputs of a forward, under Hugging Face's names; each `[batch, seq]`.
#[derive(Clone, Debug, Default)]
pub struct ModelInputs {
    /// Token ids.
    pub input_ids: Option<Tensor<2, Int>>,
    /// 1 for a real token, 0 for padding; absent means no padding.
    pub attention_mask: Option<Tensor<2, Int>>,
    /// Token ids of the decoder, shifted right.
    pub decoder_input_ids: Option<Tensor<2, Int>>,
    /// 1 for a real token of the decoder, 0 for padding.
    pub decoder_attention_mask: Option<Tensor<2, Int>>,
    /// Segment ids (BERT).
    pub token_type_ids: Option<Tensor<2, Int>>,
    /// Positions, where they do not just count from 0: of left-padded batches for GPT-2, Falcon and Llama.
    pub position_ids: Option<Tensor<2, Int>>,
}

impl ModelInputs {
    /// An encoder-decoder's inputs without padding.
    pub fn seq2seq(input_ids: Tensor<2, Int>, decoder_input_ids: Tensor<2, Int>) -> Self {
        Self { input_ids: Some(input_ids), decoder_input_ids: Some(decoder_input_ids), ..Self::default() }
    }

    /// Checks that every token lies in `0..vocab_size` and every mask has the shape of its tokens.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] naming the input and the first offending value.
    pub fn check(&self, vocab_size: usize) -> Result<(), ModelError> {
        check_ids("input_ids", &self.input_ids, vocab_size)?;
        check_ids("decoder_input_ids", &self.decoder_input_ids, vocab_size)?;
        check_shape("attention_mask", &self.attention_mask, &self.input_ids)?;
        check_shape("decoder_attention_mask", &self.decoder_attention_mask, &self.decoder_input_ids)?;
        check_shape("token_type_ids", &self.token_type_ids, &self.input_ids)?;
        check_shape("position_ids", &self.position_ids, &self.input_ids)?;
        check_batch(&self.input_ids, &self.decoder_input_ids)
    }
}

/// There is a label for every one of the `positions` `[batch, seq]`, each below `classes` or [`IGNORE_INDEX`].
pub(crate) fn check_labels(
    labels: &Tensor<2, Int>,
    positions: [usize; 2],
    classes: usize,
) -> Result<(), ModelError> {
    let found = labels.dims();
    if found != positions {
        let problem = format!("has shape {found:?}, expected {positions:?}, one label for each position");
        return Err(ModelError::Input { name: "labels", problem });
    }
    let outside = |label: &i64| *label != IGNORE_INDEX && !(0..classes as i64).contains(label);
    match labels.to_data().iter::<i64>().find(outside) {
        None => Ok(()),
        Some(label) => {
            let problem = format!("holds {label}; it is neither one of {classes} classes nor {IGNORE_INDEX}");
            Err(ModelError::Input { name: "labels", problem })
        }
    }
}

/// A table of `max` positions serves `seq` tokens, or the positions given.
pub(crate) fn check_positions(positions: &Ids, seq: usize, max: usize) -> Result<(), ModelError> {
    let (name, problem) = match positions {
        Some(positions) => {
            let outside = |p: &i64| !(0..max as i64).contains(p);
            let Some(p) = positions.to_data().iter::<i64>().find(outside) else { return Ok(()) };
            ("position_ids", format!("holds {p}; the model has {max} positions"))
        }
        None if seq > max => {
            ("input_ids", format!("has {seq} tokens a row, but the model has {max} positions"))
        }
        None => return Ok(()),
    };
    Err(ModelError::Input { name, problem })
}

type Ids = Option<Tensor<2, Int>>;

pub(crate) fn required(name: &'static str, ids: &Ids) -> Result<Tensor<2, Int>, ModelError> {
    let missing = || ModelError::Input { name, problem: "is missing; this model needs it".into() };
    ids.clone().ok_or_else(missing)
}

pub(crate) fn check_ids(name: &'static str, ids: &Ids, vocab_size: usize) -> Result<(), ModelError> {
    let Some(ids) = ids else { return Ok(()) };
    if ids.shape().num_elements() == 0 {
        return Err(ModelError::Input { name, problem: format!("is empty: shape {:?}", ids.dims()) });
    }
    let outside = |id: &i64| !(0..vocab_size as i64).contains(id);
    match ids.to_data().iter::<i64>().find(outside) {
        None => Ok(()),
        Some(id) => {
            let problem = format!("holds the id {id}, outside the vocabulary of {vocab_size}");
            Err(ModelError::Input { name, problem })
        }
    }
}

fn check_shape(name: &'static str, mask: &Ids, ids: &Ids) -> Result<(), ModelError> {
    let (Some(mask), Some(ids)) = (mask, ids) else { return Ok(()) };
    if mask.dims() == ids.dims() {
        return Ok(());
    }
    let problem = format!("has shape {:?}, but its tokens have {:?}", mask.dims(), ids.dims());
    Err(ModelError::Input { name, problem })
}

fn check_batch(ids: &Ids, decoder_ids: &Ids) -> Result<(), ModelError> {
    let (Some(ids), Some(decoder)) = (ids, decoder_ids) else { return Ok(()) };
    let (rows, expected) = (decoder.dims()[0], ids.dims()[0]);
    if rows == expected {
        return Ok(());
    }
    let problem = format!("has {rows} rows, but input_ids has {expected}");
    Err(ModelError::Input { name: "decoder_input_ids", problem })
}
