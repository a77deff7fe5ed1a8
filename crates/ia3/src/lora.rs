//! LoRA adapters that approximate (IA)³ adapters.

use std::path::Path;

use burn::tensor::Device;
use ia3_convert::{ConvertedLora, LoraBase};
use ia3_io::{AdapterFile, Checkpoint, OutputFolder};
use ia3_models::ModelConfig;

use crate::error::Error;
use crate::folder_of;
use crate::pretrained::PretrainedOptions;
use crate::tied_tensors::with_head_of;

/// Writes a LoRA of rank `rank` in PEFT's format that approximates an adapter on its base, unless the relative error of a layer
/// is larger than `max_error` ([`ia3_convert::convert_to_lora`]). `config` is the configuration of the base.
///
/// # Errors
///
/// [`Error::Convert`] and [`Error::Checkpoint`].
pub fn convert_to_lora(
    adapter: &AdapterFile,
    base: impl AsRef<Path>,
    config: ModelConfig,
    (rank, max_error): (usize, f64),
    out: &OutputFolder,
    device: &Device,
) -> Result<ConvertedLora, Error> {
    let base = folder_of::base(base.as_ref())?;
    let weights = Checkpoint::open(&base)?;
    let (names, config) = PretrainedOptions::new().for_checkpoint(with_head_of(config, &weights)?);
    let info = config.init(device).info();
    let base = LoraBase::new(&weights, &info, &names);
    Ok(ia3_convert::convert_to_lora(adapter, &base, rank, max_error, out)?)
}
