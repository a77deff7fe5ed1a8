//! `ia3 convert --to lora`.

use std::collections::BTreeMap;
use std::fmt;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use burn::tensor::Device;
use ia3::convert::open_adapter_for;
use ia3_guard::quote;
use serde::Serialize;

use crate::args::{Convert, Format};
use crate::commands::base_config;
use crate::{out, output};

/// The largest relative error of the change of a weight, if no other is given.
const MAX_ERROR: f64 = 0.05;

#[derive(Serialize)]
struct Report {
    rank: usize,
    /// The relative error of the change of each weight.
    errors: BTreeMap<String, f64>,
    bytes: u64,
    out: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:60} {:>8}", "layer", "error")?;
        self.errors.iter().try_for_each(|(layer, error)| writeln!(f, "{:60} {error:8.1e}", quote(layer)))?;
        write!(f, "a LoRA of rank {}, {} bytes -> {}", self.rank, self.bytes, self.out)
    }
}

pub(super) fn run(args: &Convert, device: &Device, format: Format) -> anyhow::Result<ExitCode> {
    ensure!(
        args.site.is_none() && args.base_name.is_none(),
        "--site and --base-name are for formats of (IA)³; leave them out"
    );
    let rank = args.rank.context("--to lora needs --rank R")?;
    let base = args.base.as_ref().context("--to lora needs --base DIR, because it reads the weights")?;
    let config = base_config::read(base)?;
    let info = config.init(device).info();
    let adapter = open_adapter_for(&args.path, Some(&info))?.file;
    let folder = out::folder(&args.out)?;
    out::refuse_base(&folder, base)?;
    out::refuse_adapters(&folder, std::slice::from_ref(&args.path))?;
    let max_error = args.max_error.unwrap_or(MAX_ERROR);
    let converted = ia3::convert_to_lora(&adapter, base, config, (rank, max_error), &folder, device)?;
    let report = Report {
        rank,
        errors: converted.errors,
        bytes: converted.files.bytes,
        out: args.out.display().to_string(),
    };
    output::report(&report, format)?;
    Ok(ExitCode::SUCCESS)
}
