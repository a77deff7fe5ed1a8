use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use ia3_core::batch_rows;

use crate::error::ModelError;
use crate::loss::IGNORE_INDEX;

/// The inputs of a forward pass, with Hugging Face's names. Each tensor of integers is `[batch, seq]`.
#[derive(Clone, Debug, Default)]
pub struct ModelInputs {
    /// The ids of the tokens.
    pub input_ids: Option<Tensor<2, Int>>,
    /// The mask, which is 1 for a real token and 0 for padding. Without a mask, there is no padding.
    pub attention_mask: Option<Tensor<2, Int>>,
    /// The ids of the tokens of the decoder, shifted right.
    pub decoder_input_ids: Option<Tensor<2, Int>>,
    /// The mask of the decoder, which is 1 for a real token and 0 for padding.
    pub decoder_attention_mask: Option<Tensor<2, Int>>,
    /// The token types, also called segment ids, of BERT.
    pub token_type_ids: Option<Tensor<2, Int>>,
    /// The positions of the tokens. They are needed if positions do not count from 0 in every batch entry, as in batches
    /// for decoder-only models that are padded on the left.
    pub position_ids: Option<Tensor<2, Int>>,
    /// The number of rows that belong together, for a model that chooses one of them. The choices of one example follow one
    /// another, so that `[batch, choices, seq]` of transformers is `[batch·choices, seq]` here.
    pub num_choices: Option<usize>,
    /// The features of sound `[batch, num_mel_bins, frames]`, which Whisper reads in the place of `input_ids`.
    pub input_features: Option<Tensor<3>>,
    /// The pixels of images `[batch, channels, height, width]`, for a model of images, which reads nothing else. They are scaled and
    /// normalised as the `preprocessor_config.json` of the model says.
    pub pixel_values: Option<Tensor<4>>,
}

/// The side on which batch entries are padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaddingSide {
    /// Before the tokens, as decoders need it for prompts.
    Left,
    /// After the tokens.
    Right,
}

impl ModelInputs {
    /// Makes a batch from rows of ids, padded with `pad_token_id` to the length of the longest row. It sets `input_ids` and
    /// `attention_mask`, and for padding on the left also the `position_ids` of the real tokens.
    ///
    /// An id that no tensor of 32-bit integers can hold becomes the nearest one, which no vocabulary has;
    /// [`Model::batch`](crate::Model::batch) names it instead.
    pub fn from_rows(rows: &[Vec<i64>], pad_token_id: i64, side: PaddingSide, device: &Device) -> Self {
        let width = rows.iter().map(Vec::len).max().unwrap_or(0);
        let batch = |value: &dyn Fn(usize, i64) -> i64, fill: i64| {
            let fill_up = |row: &Vec<i64>| {
                let real = row.iter().enumerate().map(|(i, &id)| value(i, id));
                let padding = std::iter::repeat_n(fill, width - row.len());
                match side {
                    PaddingSide::Left => padding.chain(real).collect::<Vec<_>>(),
                    PaddingSide::Right => real.chain(padding).collect(),
                }
            };
            let values: Vec<i64> = rows.iter().flat_map(fill_up).collect();
            Some(int_tensor(values, [rows.len(), width], device))
        };
        Self {
            input_ids: batch(&|_, id| id, pad_token_id),
            attention_mask: batch(&|_, _| 1, 0),
            position_ids: batch(&|i, _| i as i64, 0).filter(|_| side == PaddingSide::Left),
            ..Self::default()
        }
    }

    /// The inputs of an encoder-decoder, without padding.
    pub fn seq2seq(input_ids: Tensor<2, Int>, decoder_input_ids: Tensor<2, Int>) -> Self {
        Self { input_ids: Some(input_ids), decoder_input_ids: Some(decoder_input_ids), ..Self::default() }
    }

    /// The inputs of a model of images: [`pixel_values`](Self::pixel_values).
    pub fn images(pixel_values: Tensor<4>) -> Self {
        Self { pixel_values: Some(pixel_values), ..Self::default() }
    }

    /// The number of rows, each of which may be a choice: of tokens, of features of sound, or of images. It is 0 if there are none.
    pub fn rows(&self) -> usize {
        let texts = self.input_ids.as_ref().map(|ids| ids.dims()[0]);
        let sounds = self.input_features.as_ref().map(|features| features.dims()[0]);
        let images = self.pixel_values.as_ref().map(|pixels| pixels.dims()[0]);
        texts.or(sounds).or(images).unwrap_or(0)
    }

    /// Selects the rows at `index` of all inputs.
    pub(crate) fn select(&self, index: Tensor<1, Int>) -> Self {
        let rows = |ids: &Ids| ids.clone().map(|ids| ids.select(0, index.clone()));
        Self {
            input_ids: rows(&self.input_ids),
            attention_mask: rows(&self.attention_mask),
            decoder_input_ids: rows(&self.decoder_input_ids),
            decoder_attention_mask: rows(&self.decoder_attention_mask),
            token_type_ids: rows(&self.token_type_ids),
            position_ids: rows(&self.position_ids),
            num_choices: self.num_choices,
            input_features: self.input_features.clone().map(|features| features.select(0, index.clone())),
            pixel_values: self.pixel_values.clone().map(|pixels| pixels.select(0, index)),
        }
    }

    /// `position_ids`, or `[1, seq]` counting from 0 for the tokens of every row of `ids`.
    pub(crate) fn positions(&self, ids: &Tensor<2, Int>) -> Tensor<2, Int> {
        let in_order = || Tensor::<1, Int>::arange(0..ids.dims()[1] as i64, &ids.device()).unsqueeze();
        self.position_ids.clone().unwrap_or_else(in_order)
    }

    /// `position_ids`, or the number of real tokens before each token of its row, `[batch or 1, seq]`. That of padding is -1.
    pub(crate) fn real_positions(&self, ids: &Tensor<2, Int>) -> Tensor<2, Int> {
        match (&self.position_ids, &self.attention_mask) {
            (None, Some(mask)) => mask.clone().cumsum(1) * mask.clone() - 1,
            _ => self.positions(ids),
        }
    }

    /// Checks the inputs of a model of texts: every token is in `0..vocab_size`, every mask has the shape of its tokens, and there are
    /// neither features of sound nor images.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`], which names the input and its first wrong value.
    pub fn check(&self, vocab_size: usize) -> Result<(), ModelError> {
        no_features(&self.input_features)?;
        self.check_no_images()?;
        check_ids("input_ids", &self.input_ids, vocab_size)?;
        check_shape("attention_mask", &self.attention_mask, &self.input_ids)?;
        check_shape("token_type_ids", &self.token_type_ids, &self.input_ids)?;
        check_shape("position_ids", &self.position_ids, &self.input_ids)?;
        self.check_decoder(vocab_size, ("input_ids", self.input_ids.as_ref().map(|ids| ids.dims()[0])))
    }

    /// Checks the ids and the mask of the decoder, which has as many rows as the input `source` of the encoder.
    pub(crate) fn check_decoder(
        &self,
        vocab_size: usize,
        source: (&'static str, Option<usize>),
    ) -> Result<(), ModelError> {
        check_ids("decoder_input_ids", &self.decoder_input_ids, vocab_size)?;
        check_shape("decoder_attention_mask", &self.decoder_attention_mask, &self.decoder_input_ids)?;
        check_batch(source, &self.decoder_input_ids)
    }

    fn check_no_images(&self) -> Result<(), ModelError> {
        let problem = || "is given, but this model reads texts; give `input_ids` instead".into();
        match self.pixel_values {
            None => Ok(()),
            Some(_) => Err(ModelError::Input { name: "pixel_values", problem: problem() }),
        }
    }
}

/// A tensor of ids. An id beyond the integers of the devices, which have 32 bits, becomes the nearest one, because burn
/// panics there; no vocabulary has either.
pub(crate) fn int_tensor(ids: Vec<i64>, shape: [usize; 2], device: &Device) -> Tensor<2, Int> {
    let within = |id: i64| id.clamp(i32::MIN.into(), i32::MAX.into());
    let ids: Vec<i64> = ids.into_iter().map(within).collect();
    Tensor::from_data(TensorData::new(ids, shape), device)
}

/// Checks that every id of `rows` lies in `0..vocab_size`, and the padding too where the rows are not equally long.
pub(crate) fn check_row_ids(rows: &[Vec<i64>], pad: i64, vocab_size: usize) -> Result<(), ModelError> {
    let known = |id: i64| usize::try_from(id).is_ok_and(|id| id < vocab_size);
    for (row, ids) in rows.iter().enumerate() {
        if let Some(id) = ids.iter().find(|id| !known(**id)) {
            let problem = format!("holds the id {id}, outside the vocabulary of {vocab_size} (row {row})");
            return Err(ModelError::Input { name: "input_ids", problem });
        }
    }
    let ragged = rows.iter().any(|row| row.len() != rows[0].len());
    check_pad(!ragged || known(pad), pad, vocab_size)
}

/// The error for a padding token that is needed but is not in the vocabulary.
pub(crate) fn check_pad(ok: bool, pad: i64, vocab_size: usize) -> Result<(), ModelError> {
    if ok {
        return Ok(());
    }
    Err(ModelError::PaddingToken { found: pad, vocab_size })
}

/// Checks that the batch has as many entries as `model` has adapters, if batch entries have their own adapters
/// ([`attach_rows`](ia3_core::attach_rows)).
pub(crate) fn check_rows<M: Module>(model: &M, ids: &Ids) -> Result<(), ModelError> {
    ids.as_ref().map_or(Ok(()), |ids| check_row_count(model, "input_ids", ids.dims()[0]))
}

/// As [`check_rows`], for `found` rows of the input `name`.
pub(crate) fn check_row_count<M: Module>(
    model: &M,
    name: &'static str,
    found: usize,
) -> Result<(), ModelError> {
    let Some(expected) = batch_rows(model).filter(|&expected| expected != found) else { return Ok(()) };
    let problem = format!("has {found} rows, but the model has an adapter for each of {expected}");
    Err(ModelError::Input { name, problem })
}

/// The number of choices, of which `rows` rows have to be a multiple.
pub(crate) fn check_choices(rows: usize, choices: Option<usize>) -> Result<usize, ModelError> {
    let problem = match choices {
        Some(choices) if choices > 0 && rows.is_multiple_of(choices) => return Ok(choices),
        Some(choices) => format!("is {choices}, of which the {rows} rows of the batch are no multiple"),
        None => "is missing, but a model that chooses needs to know which rows belong together".into(),
    };
    Err(ModelError::Input { name: "num_choices", problem })
}

/// Checks that `labels` has the shape `positions`, and that each label is below `classes` or [`IGNORE_INDEX`].
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
    if labels.shape().num_elements() == 0 {
        return Err(ModelError::Input { name: "labels", problem: format!("is empty: shape {found:?}") });
    }
    let outside = |label: &i64| *label != IGNORE_INDEX && !(0..classes as i64).contains(label);
    match labels.to_data().iter::<i64>().find(outside) {
        None => Ok(()),
        Some(label) => {
            let problem =
                format!("holds {label}, which is neither one of the {classes} classes nor {IGNORE_INDEX}");
            Err(ModelError::Input { name: "labels", problem })
        }
    }
}

/// Checks that `values` has this shape, and that each value is finite.
pub(crate) fn check_values(values: &Tensor<2>, shape: [usize; 2]) -> Result<(), ModelError> {
    let found = values.dims();
    if found != shape {
        let problem = format!("has shape {found:?}, expected {shape:?}, one value for each label");
        return Err(ModelError::Input { name: "labels", problem });
    }
    match values.to_data().iter::<f32>().find(|value| !value.is_finite()) {
        None => Ok(()),
        Some(value) => {
            Err(ModelError::Input { name: "labels", problem: format!("holds {value}, which is not finite") })
        }
    }
}

/// Checks that `seq` tokens, or the given positions, lie in a table of `max` positions.
pub(crate) fn check_positions(positions: &Ids, seq: usize, max: usize) -> Result<(), ModelError> {
    let (name, problem) = match positions {
        Some(positions) => {
            let outside = |p: &i64| !(0..max as i64).contains(p);
            let Some(p) = positions.to_data().iter::<i64>().find(outside) else { return Ok(()) };
            ("position_ids", format!("holds {p}, but the model has {max} positions"))
        }
        None if seq > max => {
            ("input_ids", format!("has {seq} tokens per row, but the model has {max} positions"))
        }
        None => return Ok(()),
    };
    Err(ModelError::Input { name, problem })
}

type Ids = Option<Tensor<2, Int>>;

pub(crate) fn required(name: &'static str, ids: &Ids) -> Result<Tensor<2, Int>, ModelError> {
    let missing = || ModelError::Input { name, problem: "is missing, but this model needs it".into() };
    ids.clone().ok_or_else(missing)
}

/// Refuses token types in a model that has none.
pub(crate) fn no_token_types(inputs: &ModelInputs, model_type: &str) -> Result<(), ModelError> {
    let refused = |_| {
        let problem = format!("is given, but this `{model_type}` model has no token types; leave it out");
        Err(ModelError::Input { name: "token_type_ids", problem })
    };
    inputs.token_type_ids.as_ref().map_or(Ok(()), refused)
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

fn check_batch(source: (&'static str, Option<usize>), decoder_ids: &Ids) -> Result<(), ModelError> {
    let ((name, Some(expected)), Some(decoder)) = (source, decoder_ids) else { return Ok(()) };
    let rows = decoder.dims()[0];
    if rows == expected {
        return Ok(());
    }
    let problem = format!("has {rows} rows, but {name} has {expected}");
    Err(ModelError::Input { name: "decoder_input_ids", problem })
}

/// Refuses features in a model that reads tokens.
fn no_features(features: &Option<Tensor<3>>) -> Result<(), ModelError> {
    match features {
        None => Ok(()),
        Some(_) => {
            let problem = "is given, but this model reads `input_ids`, and no features of sound".into();
            Err(ModelError::Input { name: "input_features", problem })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_beyond_32_bits_are_outside_every_vocabulary() {
        for id in [1 << 31, i64::MAX, i64::MIN, -1 << 40] {
            let rows = [vec![2, id], vec![3]];
            let inputs = ModelInputs::from_rows(&rows, id, PaddingSide::Left, &Device::flex());
            assert!(inputs.check(61).is_err(), "{id}");
            let named = check_row_ids(&rows, 0, 61).unwrap_err().to_string();
            assert_eq!(named, format!("`input_ids` holds the id {id}, outside the vocabulary of 61 (row 0)"));
        }
        let ragged = check_row_ids(&[vec![1, 2], vec![3]], -1, 61).unwrap_err().to_string();
        let expected = "`pad_token_id` is -1, outside the vocabulary of 61, but rows of different lengths need padding; \
                        correct it in config.json, or give one row at a time";
        assert_eq!(ragged, expected);
        assert!(check_row_ids(&[vec![1], vec![3]], -1, 61).is_ok());
    }

    #[test]
    fn rows_are_filled_up_on_either_side() {
        let rows = [vec![5, 6, 7], vec![8]];
        let values = |ids: &Ids| ids.as_ref().map(|ids| ids.to_data().iter::<i64>().collect::<Vec<_>>());
        let right = ModelInputs::from_rows(&rows, 9, PaddingSide::Right, &Device::flex());
        assert_eq!(values(&right.input_ids).unwrap(), [5, 6, 7, 8, 9, 9]);
        assert_eq!(values(&right.attention_mask).unwrap(), [1, 1, 1, 1, 0, 0]);
        assert_eq!(values(&right.position_ids), None);
        let left = ModelInputs::from_rows(&rows, 9, PaddingSide::Left, &Device::flex());
        assert_eq!(values(&left.input_ids).unwrap(), [5, 6, 7, 9, 9, 8]);
        assert_eq!(values(&left.attention_mask).unwrap(), [1, 1, 1, 0, 0, 1]);
        assert_eq!(values(&left.position_ids).unwrap(), [0, 1, 2, 0, 0, 0]);
    }
}
