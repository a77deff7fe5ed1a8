//! The processes of this library and of PEFT.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use ia3_benches::Shape;

use crate::Args;
use crate::figures::Figures;
use crate::part::Part;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/compare/run_peft.py");

/// Both sides for one shape.
pub(crate) struct Sides<'a> {
    args: &'a Args,
    shape: &'a Shape,
    dir: PathBuf,
}

impl<'a> Sides<'a> {
    /// Exports the checkpoints, unless they exist.
    pub(crate) fn exported(args: &'a Args, shape: &'a Shape) -> Result<Self> {
        let sides = Self { args, shape, dir: args.dir.join(shape.name) };
        // This file is the last one that the export writes.
        if !sides.dir.join("adapter_b/adapter_model.safetensors").exists() {
            run(&mut sides.peft("export"))?;
        }
        Ok(sides)
    }

    /// Measures a part on both sides, PEFT's first if `swapped`. Returns the figures of this library and those of PEFT.
    pub(crate) fn in_turn(&self, part: Part, swapped: bool) -> Result<[Figures; 2]> {
        let ours = || figures(part, &mut self.ours(part)?);
        let theirs = || figures(part, &mut self.peft(part.name()));
        Ok(match swapped {
            false => [ours()?, theirs()?],
            true => {
                let theirs = theirs()?;
                [ours()?, theirs]
            }
        })
    }

    fn ours(&self, part: Part) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.env("RAYON_NUM_THREADS", self.args.threads.to_string());
        // The program `ia3` keeps freed memory too.
        command.env("MIMALLOC_PURGE_DELAY", "-1");
        command.args(["--child", part.name(), "--shapes", self.shape.name, "--dir"]).arg(&self.dir);
        self.add_counts(&mut command);
        Ok(command)
    }

    fn peft(&self, part: &str) -> Command {
        let Shape { config, batch, input, target, .. } = self.shape;
        let mut command = Command::new(&self.args.python);
        command.args([SCRIPT, part]).arg(&self.dir).args(["--config", config]);
        command.args(["--rows", &batch.to_string(), "--input", &input.to_string()]);
        if let Some(target) = target {
            command.args(["--target", &target.to_string()]);
        }
        self.add_counts(&mut command);
        command
    }

    fn add_counts(&self, command: &mut Command) {
        command.args(["--runs", &self.args.runs.to_string(), "--threads", &self.args.threads.to_string()]);
    }
}

/// The figures that a process prints. For the part `start` the time of the whole process is added.
fn figures(part: Part, command: &mut Command) -> Result<Figures> {
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
fn run(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("running {command:?}"))?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => bail!("{command:?} ended with {}", output.status),
    }
}
