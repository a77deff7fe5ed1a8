//! Safetensors files with the inputs and the outputs of a model.

use std::path::Path;

use anyhow::bail;
use burn::tensor::{Device, Int, Tensor, TensorData};
use ia3::ModelInputs;

/// The tensors that a model can take.
const NAMES: [&str; 6] = [
    "input_ids",
    "attention_mask",
    "decoder_input_ids",
    "decoder_attention_mask",
    "token_type_ids",
    "position_ids",
];

/// Reads the inputs of a model, each of which is an integer tensor `[batch, seq]`.
pub(crate) fn read(path: &Path, device: &Device) -> anyhow::Result<ModelInputs> {
    let mut tensors = ia3::io::read_tensors(path, &NAMES)?;
    let mut take = |name: &str| -> anyhow::Result<Option<Tensor<2, Int>>> {
        let Some(data) = tensors.remove(name) else { return Ok(None) };
        if !data.dtype().is_int() || data.shape().num_dims() != 2 {
            let (dtype, shape) = (data.dtype(), data.shape().to_vec());
            bail!(
                "`{name}` in {} is {dtype:?} {shape:?}, expected integers of shape [batch, seq]",
                path.display()
            );
        }
        Ok(Some(Tensor::from_data(data.convert::<i64>(), device)))
    };
    let inputs = ModelInputs {
        input_ids: take("input_ids")?,
        attention_mask: take("attention_mask")?,
        decoder_input_ids: take("decoder_input_ids")?,
        decoder_attention_mask: take("decoder_attention_mask")?,
        token_type_ids: take("token_type_ids")?,
        position_ids: take("position_ids")?,
    };
    match inputs.input_ids {
        Some(_) => Ok(inputs),
        None => bail!("{} has no tensor `input_ids`", path.display()),
    }
}

/// The number of rows of the batch.
pub(crate) fn rows(inputs: &ModelInputs) -> usize {
    inputs.input_ids.as_ref().map_or(0, |ids| ids.dims()[0])
}

/// Writes a safetensors file with one tensor.
pub(crate) fn write(path: &Path, name: &str, data: &TensorData) -> anyhow::Result<()> {
    Ok(ia3::io::write_tensors(path, &[(name, data)])?)
}
