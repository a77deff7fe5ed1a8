//! Loads bases and the adapters on them, with notes on what the user should know.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use ia3::core::Adapter;
use ia3::io::Checkpoint;
use ia3::models::Model;
use ia3::{Bits, ModelConfig, Pretrained, PretrainedOptions};

use super::base_config;
use crate::args::QuantizeName;
use crate::output::note;

/// Loads a base with this configuration in place of its `config.json`.
pub(crate) fn load_as(dir: &Path, config: ModelConfig, device: &Device) -> anyhow::Result<Pretrained> {
    load_with(dir, &PretrainedOptions::new().with_config(config), device)
}

/// Loads a base. Notes the error of a quantisation, and the tensors of its file that are unused.
pub(crate) fn load_with(
    dir: &Path,
    options: &PretrainedOptions,
    device: &Device,
) -> anyhow::Result<Pretrained> {
    let base = options.load(dir, device)?;
    if let Some(report) = &base.quantized {
        let (layers, worst) = (report.errors.len(), report.worst());
        note(format!("{layers} layers quantised; the largest relative error of a weight is {worst:.1e}"));
    }
    if !base.report.unused.is_empty() {
        let unused = &base.report.unused;
        note(format!("{} tensors of the checkpoint are unused: {}", unused.len(), unused.join(", ")));
    }
    Ok(base)
}

/// Notes the parameters that neither the checkpoint nor an adapter holds.
pub(crate) fn note_fresh(base: &Pretrained, adapters: &[Adapter]) {
    let in_adapter = |name: &&String| adapters.iter().any(|a| a.saved.contains_key(*name));
    let fresh: Vec<&str> =
        base.report.missing.iter().filter(|name| !in_adapter(name)).map(String::as_str).collect();
    if !fresh.is_empty() {
        note(format!(
            "the checkpoint lacks these parameters, which start from random values: {}",
            fresh.join(", ")
        ));
    }
}

/// The model of a base without its weights, with the head of these adapters where the base has none.
pub(crate) fn shapes(dir: &Path, adapters: &[PathBuf], device: &Device) -> anyhow::Result<Model> {
    let config = base_config::with_head_of_adapter(dir, adapters)?;
    Ok(ia3::with_head_of(config, &Checkpoint::open(dir)?)?.init(device))
}

/// Loads adapters, which have to fit `base`.
pub(crate) fn adapters(dirs: &[PathBuf], base: &Model, device: &Device) -> anyhow::Result<Vec<Adapter>> {
    let info = base.info();
    dirs.iter().map(|dir| Ok(ia3::io::load_adapter(dir, &info, device)?)).collect()
}

pub(crate) fn bits(name: QuantizeName) -> Bits {
    match name {
        QuantizeName::Int8 => Bits::Eight,
        QuantizeName::Int4 => Bits::Four,
    }
}
