use std::fmt;
use std::process::ExitCode;

use burn::tensor::Device;
use ia3::Adapter;
use ia3::io::CheckpointOptions;
use serde::Serialize;

use super::model;
use crate::args::{Format, Merge};
use crate::output;

#[derive(Serialize)]
struct Report {
    merged_layers: usize,
    out: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} layers merged -> {}", self.merged_layers, self.out)
    }
}

pub(crate) fn run(args: &Merge, device: &Device, format: Format) -> anyhow::Result<ExitCode> {
    let base = model::base(&args.base, device)?;
    let adapters = model::adapters(&args.adapters, &base.model, device)?;
    model::note_fresh(&base, &adapters);
    let adapters: Vec<&Adapter> = adapters.iter().collect();
    let merged = match args.safe {
        true => ia3::merge_safe(&base.model, &adapters)?,
        false => ia3::merge(&base.model, &adapters)?,
    };
    let options =
        CheckpointOptions { base: Some(args.base.clone()), overwrite: true, ..CheckpointOptions::default() };
    ia3::io::save_checkpoint(&merged, &args.out, &options)?;
    ia3::io::copy_sidecars(&args.base, &args.out)?;
    let mut layers: Vec<&String> = adapters.iter().flat_map(|a| a.vectors.keys()).collect();
    layers.sort();
    layers.dedup();
    let report = Report { merged_layers: layers.len(), out: args.out.display().to_string() };
    output::report(&report, format)?;
    Ok(ExitCode::SUCCESS)
}
