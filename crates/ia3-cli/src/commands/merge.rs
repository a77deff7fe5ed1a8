//! `ia3 merge`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use anyhow::ensure;
use burn::tensor::Device;
use ia3::core::Adapter;
use ia3::io::{Checkpoint, CheckpointOptions, FolderWrite, OutputFolder, SavedCheckpoint};
use ia3::models::Model;
use serde::Serialize;

use super::{base_config, base_model, merge_format};
use crate::args::{Format, Merge};
use crate::progress::Progress;
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
    match (&args.gguf, &args.base) {
        (Some(file), _) => merge_format::gguf(file, args, device, format),
        (None, Some(base)) if !args.dequantize && !args.keep_quantized && is_packed(base) => {
            merge_format::packed(base, args, device, format)
        }
        (None, Some(base)) => into_folder(base, args, device, format),
        (None, None) => anyhow::bail!("give the base with --base or --gguf"),
    }
}

/// Whether another program quantised the weights. What is wrong with a base is reported when it is loaded.
fn is_packed(base: &Path) -> bool {
    Checkpoint::open(base).is_ok_and(|checkpoint| checkpoint.quantized_by().is_some())
}

fn into_folder(base_dir: &Path, args: &Merge, device: &Device, format: Format) -> anyhow::Result<ExitCode> {
    ensure!(
        args.check.is_none(),
        "--check is for merges into GGUF files and into folders of GPTQ, AWQ, bitsandbytes or torchao; leave it out"
    );
    let folder = out::folder(&args.out)?;
    let config = base_config::with_head_of_adapter(base_dir, &args.adapters)?;
    let base = base_model::load_as(base_dir, config, args.keep_quantized, device)?;
    base_model::check_finite(&base, base_dir)?;
    let adapters = base_model::finite_adapters(&args.adapters, &base.model, base_dir, device)?;
    out::refuse_base(&folder, base_dir)?;
    out::refuse_adapters(&folder, &args.adapters)?;
    base_model::note_fresh(&base, &adapters);
    let moved = ia3::move_inputs(&base.model, &adapters.iter().collect::<Vec<_>>());
    let moved: Vec<&Adapter> = moved.iter().collect();
    let (merged, requantized) = match (args.requantize, args.safe) {
        (true, _) => {
            let merged = ia3::merge_requantizing(&base.model, &moved)?;
            (merged.model, merged.errors)
        }
        (false, true) => (ia3::merge_safe(&base.model, &moved)?, BTreeMap::new()),
        (false, false) => (ia3::merge(&base.model, &moved)?, BTreeMap::new()),
    };
    save(&merged, base_dir, &folder)?;
    let mut layers: Vec<&String> = adapters.iter().flat_map(|a| a.vectors.keys()).collect();
    layers.sort();
    layers.dedup();
    let report = Report { merged_layers: layers.len(), requantized, out: args.out.display().to_string() };
    output::report(&report, format)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a model that was made from `base`, with the configuration and the tokenizer of the base.
pub(super) fn save(model: &Model, base: &Path, out: &OutputFolder) -> anyhow::Result<SavedCheckpoint> {
    let _waiting = Progress::waiting("writing the weights");
    let mut options = CheckpointOptions::new().with_overwrite(true);
    let mut write = FolderWrite::new(out)?;
    match ia3_gguf::is_gguf(base) {
        true => {
            for (name, text) in ia3::data::gguf_tokenizer_files(base)? {
                write.text(name, &text)?;
            }
        }
        false => options = options.with_base(base).with_sidecars(true),
    }
    options.config = ia3::config_text(model, base)?;
    options.names = model.checkpoint_names();
    Ok(ia3::io::write_checkpoint(model, write, &options)?)
}
