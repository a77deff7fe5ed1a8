//! `ia3 merge`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use burn::tensor::Device;
use ia3::core::Adapter;
use ia3::io::{CheckpointOptions, FolderWrite, OutputFolder, SavedCheckpoint};
use ia3::models::Model;
use serde::Serialize;

use super::{base_config, base_model};
use crate::args::{Format, Merge};
use crate::{out, output};

#[derive(Serialize)]
struct Report {
    merged_layers: usize,
    /// The relative error `‖W − Wq‖ / ‖W‖` of every weight that was quantised again, by layer.
    requantized: BTreeMap<String, f64>,
    out: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(worst) = self.requantized.values().copied().reduce(f64::max) {
            let layers = self.requantized.len();
            writeln!(
                f,
                "{layers} layers quantised again; the largest relative error of a weight is {worst:.1e}"
            )?;
        }
        write!(f, "{} layers merged -> {}", self.merged_layers, self.out)
    }
}

pub(crate) fn run(args: &Merge, device: &Device, format: Format) -> anyhow::Result<ExitCode> {
    let folder = out::folder(&args.out)?;
    let config = base_config::with_head_of_adapter(&args.base, &args.adapters)?;
    let base = base_model::load_as(&args.base, config, device)?;
    base_model::check_finite(&base, &args.base)?;
    let adapters = base_model::finite_adapters(&args.adapters, &base.model, &args.base, device)?;
    out::refuse_base(&folder, &args.base)?;
    out::refuse_adapters(&folder, &args.adapters)?;
    base_model::note_fresh(&base, &adapters);
    let adapters: Vec<&Adapter> = adapters.iter().collect();
    let (merged, requantized) = match (args.requantize, args.safe) {
        (true, _) => {
            let merged = ia3::merge_requantizing(&base.model, &adapters)?;
            (merged.model, merged.errors)
        }
        (false, true) => (ia3::merge_safe(&base.model, &adapters)?, BTreeMap::new()),
        (false, false) => (ia3::merge(&base.model, &adapters)?, BTreeMap::new()),
    };
    save(&merged, &args.base, &folder)?;
    let mut layers: Vec<&String> = adapters.iter().flat_map(|a| a.vectors.keys()).collect();
    layers.sort();
    layers.dedup();
    let report = Report { merged_layers: layers.len(), requantized, out: args.out.display().to_string() };
    output::report(&report, format)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a model that was made from `base`, with the configuration and the tokenizer of the base.
pub(super) fn save(model: &Model, base: &Path, out: &OutputFolder) -> anyhow::Result<SavedCheckpoint> {
    let mut options = CheckpointOptions::new().with_base(base).with_sidecars(true).with_overwrite(true);
    options.config = ia3::config_text(model, base)?;
    options.names = model.checkpoint_names();
    Ok(ia3::io::write_checkpoint(model, FolderWrite::new(out)?, &options)?)
}
