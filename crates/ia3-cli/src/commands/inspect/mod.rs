mod adapter;
mod base;

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use burn::tensor::Device;

use crate::args::{Format, Inspect};
use crate::output;

/// Exit code 1 says that the adapter does not fit the base.
pub(crate) fn run(args: &Inspect, device: &Device, format: Format) -> anyhow::Result<ExitCode> {
    if is_adapter(&args.path) {
        let report = adapter::report(&args.path, args.base.as_deref(), device)?;
        output::report(&report, format)?;
        return Ok(if report.fits() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    if args.base.is_some() {
        bail!("{} is no adapter; --base asks whether an adapter fits", args.path.display());
    }
    output::report(&base::report(&args.path, device)?, format)?;
    Ok(ExitCode::SUCCESS)
}

/// An adapter is a folder with `adapter_config.json`, or a file that can only be an adapter's.
fn is_adapter(path: &Path) -> bool {
    let name = path.file_name().map(|n| n.to_string_lossy().to_string()).unwrap_or_default();
    path.join("adapter_config.json").exists()
        || path.join("adapter_model.safetensors").exists()
        || path.join("adapter_model.bin").exists()
        || name.starts_with("adapter_model.")
        || name == "adapter_config.json"
}
