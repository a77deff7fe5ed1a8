//! `ia3 inspect`.

mod adapter;
mod base;
mod gguf;

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use burn::tensor::Device;

use crate::args::{Format, Inspect};
use crate::output;

/// The exit code is 1 if the adapter does not fit the base.
pub(crate) fn run(args: &Inspect, device: &Device, format: Format) -> anyhow::Result<ExitCode> {
    if is_adapter(&args.path) {
        let report = adapter::report(&args.path, args.base.as_deref(), device)?;
        output::report(&report, format)?;
        return Ok(if report.fits() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    if args.base.is_some() {
        bail!("{} is not an adapter; --base is only for adapters", args.path.display());
    }
    if ia3_gguf::is_gguf(&args.path) {
        output::report(&gguf::report(&args.path)?, format)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::report(&base::report(&args.path, device)?, format)?;
    Ok(ExitCode::SUCCESS)
}

/// Whether the path is a folder with the files of an adapter, or one of these files.
fn is_adapter(path: &Path) -> bool {
    let name = path.file_name().map(|n| n.to_string_lossy().to_string()).unwrap_or_default();
    path.join("adapter_config.json").exists()
        || path.join("adapter_model.safetensors").exists()
        || path.join("adapter_model.bin").exists()
        || name.starts_with("adapter_model.")
        || name == "adapter_config.json"
}
