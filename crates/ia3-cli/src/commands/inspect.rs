use std::process::ExitCode;
use crate::args::{Format, Inspect};
pub(crate) fn run(_args: &Inspect, _format: Format) -> anyhow::Result<ExitCode> { anyhow::bail!("not yet") }
