//! Processes that print what they measure.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::figures::Figures;
use crate::part::Part;

/// The figures that a process prints. For the part `start` the time of the whole process is added.
pub(crate) fn figures(part: Part, command: &mut Command) -> Result<Figures> {
    let start = Instant::now();
    let output = run(command)?;
    let wall = start.elapsed().as_secs_f64() * 1e3;
    let mut figures: Figures = serde_json::from_slice(&output)
        .with_context(|| format!("reading the figures that {command:?} printed"))?;
    if part == Part::Start {
        figures.insert("start to first token wall".into(), wall);
    }
    Ok(figures)
}

/// Runs a process and returns its standard output.
pub(crate) fn run(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("running {command:?}"))?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => bail!("{command:?} ended with {}", output.status),
    }
}
