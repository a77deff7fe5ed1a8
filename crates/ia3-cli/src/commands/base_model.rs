//! Loads bases and the adapters on them, with notes on what the user should know.

use std::path::{Path, PathBuf};

use anyhow::bail;
use burn::tensor::{Device, FloatDType};
use ia3::core::{Adapter, describe_non_finite};
use ia3::io::{Checkpoint, LoadReport};
use ia3::models::Model;
use ia3::{Bits, ModelConfig, Precision, Pretrained, PretrainedOptions, Task};
use ia3_guard::{few, quote_path};

use super::base_config;
use crate::args::{DtypeName, QuantizeName};
use crate::output::note;
use crate::progress::Progress;

/// Loads a base with this configuration in place of its `config.json`. `keep` keeps the integers of another program.
pub(crate) fn load_as(
    dir: &Path,
    config: ModelConfig,
    keep: bool,
    device: &Device,
) -> anyhow::Result<Pretrained> {
    load_with(dir, &PretrainedOptions::new().with_config(config).with_keep_quantized(keep), device)
}

/// Loads a base. Notes the error of a quantisation, and the tensors of its file that are unused.
pub(crate) fn load_with(
    dir: &Path,
    options: &PretrainedOptions,
    device: &Device,
) -> anyhow::Result<Pretrained> {
    let base = load(dir, options, device)?;
    if let Some(report) = &base.quantized {
        let (layers, worst) = (report.errors.len(), report.worst());
        note(format!("{layers} layers quantised; the largest relative error of a weight is {worst:.1e}"));
    }
    Ok(base)
}

/// Loads a base for a command that reports the error of a quantisation itself. Notes the tensors of its file that are unused.
pub(crate) fn load(dir: &Path, options: &PretrainedOptions, device: &Device) -> anyhow::Result<Pretrained> {
    let waiting = Progress::waiting("loading the base");
    let base = options.load(dir, device)?;
    drop(waiting);
    if !base.report.kept.is_empty() {
        note(kept(&base.report));
    }
    if !base.report.unused.is_empty() {
        let unused = &base.report.unused;
        let names = few(unused.iter().cloned(), ", ");
        note(format!("{} tensors of the checkpoint are unused: {names}", unused.len()));
    }
    if !base.report.non_finite.is_empty() {
        let found = describe_non_finite(&base.report.non_finite);
        note(format!("the base is broken: {found}"));
    }
    Ok(base)
}

/// How many weights stayed integers of another program, and which did not.
fn kept(report: &LoadReport) -> String {
    let kept = format!("{} weights stay in the integers of the base", report.kept.len());
    match report.decoded.len() {
        0 => kept,
        n => format!("{kept}; {n} became floats: {}", few(report.decoded.iter().cloned(), ", ")),
    }
}

/// Refuses to write what was made from a base with values that are not finite.
pub(crate) fn check_finite(base: &Pretrained, dir: &Path) -> anyhow::Result<()> {
    match base.report.non_finite.first() {
        None => Ok(()),
        Some(_) => {
            let (dir, found) = (quote_path(dir), describe_non_finite(&base.report.non_finite));
            bail!("the base `{dir}` is broken, so nothing was written: {found}")
        }
    }
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

/// Loads adapters, which have to fit the base in the folder `base_dir`, and notes what is odd about them.
pub(crate) fn adapters(
    dirs: &[PathBuf],
    base: &Model,
    base_dir: &Path,
    device: &Device,
) -> anyhow::Result<Vec<Adapter>> {
    checked_adapters(dirs, base, base_dir, device, |_, _| Ok(()))
}

/// Loads adapters for a command that writes what they make: values that are not finite are an error.
pub(crate) fn finite_adapters(
    dirs: &[PathBuf],
    base: &Model,
    base_dir: &Path,
    device: &Device,
) -> anyhow::Result<Vec<Adapter>> {
    checked_adapters(dirs, base, base_dir, device, |dir, adapter| {
        let found = adapter.non_finite();
        if !found.is_empty() {
            let (dir, found) = (quote_path(dir), describe_non_finite(&found));
            bail!("the adapter `{dir}` is broken, so nothing was written: {found}")
        }
        Ok(())
    })
}

/// Loads all adapters first, then checks and notes one after the other.
fn checked_adapters(
    dirs: &[PathBuf],
    base: &Model,
    base_dir: &Path,
    device: &Device,
    check: impl Fn(&Path, &Adapter) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<Adapter>> {
    let info = base.info();
    let adapters: Vec<Adapter> = dirs
        .iter()
        .map(|dir| Ok(ia3::io::load_adapter(dir, &info, device)?))
        .collect::<anyhow::Result<_>>()?;
    for (dir, adapter) in dirs.iter().zip(&adapters) {
        check(dir, adapter)?;
        note_adapter(dir, adapter, base_dir, base.task());
    }
    Ok(adapters)
}

/// Notes what is odd about an adapter on the base in the folder `base_dir`.
pub(crate) fn note_adapter(dir: &Path, adapter: &Adapter, base_dir: &Path, task: Task) {
    for remark in ia3::adapter_notes(adapter, base_dir, task) {
        note(format!("`{}`: {remark}", quote_path(dir)));
    }
}

/// The dtype of `--dtype`.
pub(crate) fn dtype(name: DtypeName) -> Precision {
    match name {
        DtypeName::Auto => Precision::Stored,
        DtypeName::Float32 => Precision::Cast(FloatDType::F32),
        DtypeName::Bfloat16 => Precision::Cast(FloatDType::BF16),
        DtypeName::Float16 => Precision::Cast(FloatDType::F16),
    }
}

pub(crate) fn bits(name: QuantizeName) -> Bits {
    match name {
        QuantizeName::Int8 => Bits::Eight,
        QuantizeName::Int4 => Bits::Four,
    }
}
