//! Safetensors files with the inputs and the outputs of a model.

use std::path::Path;

use anyhow::{anyhow, bail};
use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use ia3::ModelInputs;
use ia3_guard::quote_path;

/// The tensors that a model of texts or of speech can take.
const NAMES: [&str; 7] = [
    "input_ids",
    "attention_mask",
    "decoder_input_ids",
    "decoder_attention_mask",
    "token_type_ids",
    "position_ids",
    "input_features",
];

/// Reads the inputs of a model with this vocabulary: integer tensors `[batch, seq]`, or `[batch, choices, seq]` for a model that
/// chooses, whose choices become rows; or features `[batch, bins, frames]` of floats.
pub(crate) fn read(path: &Path, vocab_size: usize, device: &Device) -> anyhow::Result<ModelInputs> {
    let mut tensors = ia3::io::read_tensors(path, &NAMES)?;
    let input_features =
        tensors.remove("input_features").map(|data| features(data, path, device)).transpose()?;
    let ids = tensors.get("input_ids").map(|ids| ids.shape().to_vec());
    let num_choices = match ids.as_deref() {
        Some(&[_, choices, _]) => Some(choices),
        _ => None,
    };
    let mut take = |name: &str| -> anyhow::Result<Option<Tensor<2, Int>>> {
        let Some(data) = tensors.remove(name) else { return Ok(None) };
        let (rows, width) = match (data.shape().as_slice(), num_choices) {
            (&[rows, width], None) => (rows, width),
            (&[batch, choices, width], Some(of_ids)) if choices == of_ids => (batch * choices, width),
            _ => return Err(not_a_batch(name, path, &data)),
        };
        if !data.dtype().is_int() {
            return Err(not_a_batch(name, path, &data));
        }
        let integers = integers(data);
        check(name, path, &integers, width, vocab_size)?;
        Ok(Some(Tensor::from_data(TensorData::new(integers, [rows, width]).convert::<i32>(), device)))
    };
    let inputs = ModelInputs {
        input_ids: take("input_ids")?,
        attention_mask: take("attention_mask")?,
        decoder_input_ids: take("decoder_input_ids")?,
        decoder_attention_mask: take("decoder_attention_mask")?,
        token_type_ids: take("token_type_ids")?,
        position_ids: take("position_ids")?,
        num_choices,
        input_features,
        pixel_values: None,
    };
    match (&inputs.input_ids, &inputs.input_features) {
        (None, None) => bail!("{} has no tensor `input_ids`, and no `input_features`", quote_path(path)),
        _ => Ok(inputs),
    }
}

fn features(data: TensorData, path: &Path, device: &Device) -> anyhow::Result<Tensor<3>> {
    if data.dtype().is_float() && data.shape().len() == 3 {
        return Ok(Tensor::from_data(data.convert::<f32>(), device));
    }
    let (dtype, shape) = (data.dtype(), data.shape().to_vec());
    bail!(
        "`input_features` in {} is {dtype:?} {shape:?}, expected floats of shape [batch, bins, frames]",
        quote_path(path)
    )
}

fn not_a_batch(name: &str, path: &Path, data: &TensorData) -> anyhow::Error {
    let (dtype, shape) = (data.dtype(), data.shape().to_vec());
    anyhow!(
        "`{name}` in {} is {dtype:?} {shape:?}, expected integers of shape [batch, seq], or [batch, choices, seq] as `input_ids`",
        quote_path(path)
    )
}

/// The values; one that is too large for an `i64` becomes the largest, which no tensor holds.
fn integers(data: TensorData) -> Vec<i64> {
    match data.dtype() {
        DType::U64 => data.iter::<u64>().map(|value| value.try_into().unwrap_or(i64::MAX)).collect(),
        _ => data.iter::<i64>().collect(),
    }
}

/// Checks that ids lie in the vocabulary, and that other values fit into the integers of a device.
fn check(name: &str, path: &Path, values: &[i64], width: usize, vocab_size: usize) -> anyhow::Result<()> {
    let is_ids = name.ends_with("input_ids");
    let good = |value: i64| match is_ids {
        true => usize::try_from(value).is_ok_and(|id| id < vocab_size),
        false => i32::try_from(value).is_ok(),
    };
    let Some(at) = values.iter().position(|value| !good(*value)) else { return Ok(()) };
    let (value, row, path) = (values[at], at / width, quote_path(path));
    match is_ids {
        true => {
            bail!(
                "`{name}` holds the id {value}, outside the vocabulary of {vocab_size} (row {row} of {path})"
            )
        }
        false => bail!("`{name}` holds {value}, which is no 32-bit integer (row {row} of {path})"),
    }
}

/// Reads the inputs of a model of images: `pixel_values`, floats of the shape `[batch, channels, height, width]`.
pub(crate) fn read_images(path: &Path, device: &Device) -> anyhow::Result<ModelInputs> {
    const NAME: &str = "pixel_values";
    let Some(data) = ia3::io::read_tensors(path, &[NAME])?.remove(NAME) else {
        bail!("{} has no tensor `{NAME}`, which a model of images reads", quote_path(path))
    };
    if !data.dtype().is_float() || data.shape().len() != 4 {
        bail!(
            "`{NAME}` in {} is {:?} {:?}, expected floats of shape [batch, channels, height, width]",
            quote_path(path),
            data.dtype(),
            data.shape().to_vec()
        )
    }
    Ok(ModelInputs::images(Tensor::from_data(data.convert::<f32>(), device)))
}

/// Writes a safetensors file with one tensor.
pub(crate) fn write(path: &Path, name: &str, data: &TensorData) -> anyhow::Result<()> {
    Ok(ia3::io::write_tensors(path, &[(name, data)])?)
}
