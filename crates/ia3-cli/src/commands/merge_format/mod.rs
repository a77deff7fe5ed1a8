//! `ia3 merge` into files and folders whose weights other programs quantised, and whose format is kept.

mod check;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use burn::tensor::Device;
use ia3_gguf::MergeReport;
use serde::Serialize;

use self::check::{Check, Difference};
use super::base_config;
use crate::args::{Format, Merge};
use crate::{out, output};

#[derive(Serialize)]
struct Report {
    /// The type of every tensor that was changed.
    tensors: BTreeMap<String, &'static str>,
    /// How many scales and float values were multiplied, and what rounding did to them.
    numbers: u64,
    largest_rounding: f64,
    subnormal: u64,
    zeroed: u64,
    /// The relative error `‖W − Wq‖ / ‖W‖` of every tensor that was quantised again.
    requantized: BTreeMap<String, f64>,
    base_sha256: String,
    /// What `--check` found.
    #[serde(skip_serializing_if = "Option::is_none")]
    logits: Option<Difference>,
    out: String,
}

impl Report {
    fn new(report: MergeReport, logits: Option<Difference>, out: &Path) -> Self {
        let MergeReport { tensors, rounding, requantized, base_sha256, .. } = report;
        Self {
            tensors,
            numbers: rounding.numbers,
            largest_rounding: rounding.largest,
            subnormal: rounding.subnormal,
            zeroed: rounding.zeroed,
            requantized,
            base_sha256,
            logits,
            out: out.display().to_string(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { numbers, largest_rounding, subnormal, zeroed, .. } = self;
        writeln!(
            f,
            "{numbers} scales and values multiplied; the largest rounding error is {largest_rounding:.1e}"
        )?;
        if *subnormal > 0 {
            writeln!(
                f,
                "{subnormal} of them lie below the normal range of their type, {zeroed} became zero"
            )?;
        }
        for (tensor, error) in &self.requantized {
            writeln!(f, "`{tensor}` was quantised again; its relative error is {error:.1e}")?;
        }
        if let Some(logits) = &self.logits {
            writeln!(f, "{logits}")?;
        }
        write!(f, "{} tensors merged -> {}", self.tensors.len(), self.out)
    }
}

/// `ia3 merge --gguf`
pub(super) fn gguf(base: &Path, args: &Merge, device: &Device, format: Format) -> anyhow::Result<ExitCode> {
    out::file(&args.out)?;
    let before = |prompt: &String| Check::before(prompt, base, &args.adapters, device);
    let check = args.check.as_ref().map(before).transpose()?;
    let report = ia3::io::merge_gguf(base, &args.adapters, &args.out, args.requantize)?;
    let logits = check.map(|check| check.after(&args.out, device)).transpose()?;
    output::report_on(&Report::new(report, logits, &args.out), format, &args.out)?;
    Ok(ExitCode::SUCCESS)
}

/// `ia3 merge` with a folder of GPTQ, AWQ, bitsandbytes or torchao.
pub(super) fn packed(base: &Path, args: &Merge, device: &Device, format: Format) -> anyhow::Result<ExitCode> {
    let folder = out::folder(&args.out)?;
    out::refuse_adapters(&folder, &args.adapters)?;
    let config = base_config::with_head_of_adapter(base, &args.adapters)?;
    let before = |prompt: &String| Check::before(prompt, base, &args.adapters, device);
    let check = args.check.as_ref().map(before).transpose()?;
    let report = ia3::merge_packed(base, config, &args.adapters, &folder, args.requantize, device)?;
    let logits = check.map(|check| check.after(&args.out, device)).transpose()?;
    output::report(&Report::new(report, logits, &args.out), format)?;
    Ok(ExitCode::SUCCESS)
}
