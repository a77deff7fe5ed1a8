//! Merging adapters into folders that other programs quantised.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use ia3_gguf::MergeReport;
use ia3_io::{Checkpoint, OutputFolder, PackedModel};
use ia3_models::ModelConfig;

use crate::error::Error;
use crate::folder_of;
use crate::pretrained::PretrainedOptions;
use crate::tied_tensors::with_head_of;

/// Merges the adapters of some folders into a folder whose weights GPTQ, AWQ, bitsandbytes or torchao quantised, and writes the
/// result to `out` in the same format ([`ia3_io::merge_packed`]). `config` is the configuration of the base, as
/// [`read_config`](crate::read_config) gives it. `requantize` allows quantising those weights again that cannot be merged exactly.
///
/// ```no_run
/// use ia3::{Device, io::OutputFolder};
///
/// let (base, out) = ("llama-gptq", OutputFolder::lock("merged")?);
/// let config = ia3::read_config(base)?;
/// let report = ia3::merge_packed(base, config, &["adapter".into()], &out, false, &Device::flex())?;
/// println!("{} tensors changed", report.tensors.len());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Error::PackedMerge`] with what cannot be merged; [`Error::Checkpoint`].
pub fn merge_packed(
    base: impl AsRef<Path>,
    config: ModelConfig,
    adapters: &[PathBuf],
    out: &OutputFolder,
    requantize: bool,
    device: &Device,
) -> Result<MergeReport, Error> {
    let base = folder_of::base(base.as_ref())?;
    let config = with_head_of(config, &Checkpoint::open(&base)?)?;
    let (names, config) = PretrainedOptions::new().for_checkpoint(config);
    let model = config.init(device);
    let model = PackedModel::new(model.info(), model.feed_forwards(), names);
    Ok(ia3_io::merge_packed(&base, adapters, out, &model, requantize)?)
}
