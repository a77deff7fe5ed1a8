//! The processes of this library and of PEFT.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use burn::tensor::{Device, FloatDType};
use ia3::{Model, PretrainedOptions};
use ia3_benches::Shape;

use crate::Args;
use crate::figures::{Figures, HALF, ONE_THREAD, without_integers};
use crate::ours::half_base;
use crate::part::Part;
use crate::process::{figures, run};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/compare/run_peft.py");

/// Both sides for one shape.
pub(crate) struct Sides<'a> {
    args: &'a Args,
    shape: &'a Shape,
    dir: PathBuf,
    /// The type in which PEFT computes from a base in bfloat16.
    dtype: PeftDtype,
}

/// The faster type of torch's products on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeftDtype {
    Float32,
    Bfloat16,
}

impl PeftDtype {
    /// The faster type, which is measured, if a base in bfloat16 is measured; otherwise it does not matter.
    pub(crate) fn fastest(args: &Args) -> Result<Self> {
        if !args.bfloat16 {
            return Ok(Self::Bfloat16);
        }
        let rates = machine(args, args.threads)?;
        let rate = |dtype: &str| rates.get(&format!("product in {dtype}, torch, GFLOP/s")).copied();
        Ok(if rate("bfloat16") < rate("float32") { Self::Float32 } else { Self::Bfloat16 })
    }
}

impl<'a> Sides<'a> {
    /// Exports the checkpoints, unless they exist.
    pub(crate) fn exported(args: &'a Args, shape: &'a Shape, dtype: PeftDtype) -> Result<Self> {
        let sides = Self { args, shape, dir: args.dir.join(shape.name), dtype };
        // This file is the last one that the export writes.
        if !sides.dir.join("adapter_b/adapter_model.safetensors").exists() {
            run(&mut sides.peft("export", args.threads))?;
        }
        let half = args.bfloat16 || args.llama_cpp && shape.is_llama();
        if half && !half_base(&sides.dir).join("config.json").exists() {
            let options = PretrainedOptions::new().with_dtype(FloatDType::BF16);
            let base = Model::from_pretrained_with(sides.dir.join("base"), &options, &Device::flex())?;
            base.save_pretrained(half_base(&sides.dir))?;
        }
        Ok(sides)
    }

    /// Measures a part on both sides, PEFT's first if `swapped`. Returns the figures of this library and those of PEFT.
    pub(crate) fn in_turn(&self, part: Part, swapped: bool) -> Result<[Figures; 2]> {
        let mut both = self.on(part, swapped, self.args.threads)?;
        if self.args.bfloat16 && part.has_variants() {
            let theirs = match self.dtype {
                PeftDtype::Float32 => both[1].clone(),
                PeftDtype::Bfloat16 => {
                    let mut peft = self.peft(part.name(), self.args.threads);
                    figures(part, peft.args(["--dtype", "bfloat16"]))?
                }
            };
            both[1].extend(renamed(&theirs, HALF));
        }
        if self.args.bfloat16 && part.has_variants() || self.args.is_beside_llama_cpp(self.shape, part) {
            both[0].extend(figures(part, self.ours(part, self.args.threads)?.arg("--half"))?);
        }
        if self.args.one_thread && part.has_variants() {
            let [ours, theirs] = self.on(part, swapped, 1)?;
            add(&mut both, [&ours, &theirs], ONE_THREAD);
        }
        Ok(both)
    }

    fn on(&self, part: Part, swapped: bool, threads: usize) -> Result<[Figures; 2]> {
        let ours = || figures(part, &mut self.ours(part, threads)?);
        let theirs = || figures(part, &mut self.peft(part.name(), threads));
        Ok(match swapped {
            false => [ours()?, theirs()?],
            true => {
                let theirs = theirs()?;
                [ours()?, theirs]
            }
        })
    }

    fn ours(&self, part: Part, threads: usize) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.env("RAYON_NUM_THREADS", threads.to_string());
        // The program `ia3` keeps freed memory too.
        command.env("MIMALLOC_PURGE_DELAY", "-1");
        command.args(["--child", part.name(), "--shapes", self.shape.name, "--dir"]).arg(&self.dir);
        self.add_counts(&mut command, threads);
        Ok(command)
    }

    fn peft(&self, part: &str, threads: usize) -> Command {
        let Shape { config, batch, input, target, .. } = self.shape;
        let mut command = Command::new(&self.args.python);
        command.args([SCRIPT, part]).arg(&self.dir).args(["--config", config]);
        command.args(["--rows", &batch.to_string(), "--input", &input.to_string()]);
        if let Some(target) = target {
            command.args(["--target", &target.to_string()]);
        }
        self.add_counts(&mut command, threads);
        command
    }

    fn add_counts(&self, command: &mut Command, threads: usize) {
        command.args(["--runs", &self.args.runs.to_string(), "--threads", &threads.to_string()]);
    }
}

/// What both sides reach on this machine with `threads` threads.
pub(crate) fn machine(args: &Args, threads: usize) -> Result<Figures> {
    let count = threads.to_string();
    let mut ours = Command::new(std::env::current_exe()?);
    ours.env("RAYON_NUM_THREADS", &count).args(["--child", Part::Machine.name(), "--threads", &count]);
    let mut theirs = Command::new(&args.python);
    theirs.args([SCRIPT, Part::Machine.name(), "-", "--threads", &count]);
    // numpy's library reads the number of threads when it is loaded.
    for variable in ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"] {
        theirs.env(variable, &count);
    }
    let mut limits = figures(Part::Machine, &mut ours)?;
    limits.extend(figures(Part::Machine, &mut theirs)?);
    Ok(limits)
}

/// The times and peaks of PEFT's side under names that end in `variant`.
fn renamed(theirs: &Figures, variant: &str) -> Figures {
    let split = theirs.iter().filter_map(|(name, value)| Some((name.rsplit_once(' ')?, value)));
    let kept = split.filter(|((_, kind), _)| ["wall", "cpu", "peak"].contains(kind));
    kept.map(|((what, kind), value)| (format!("{what}{variant} {kind}"), *value)).collect()
}

/// Adds the times that both sides have in common, under names that end in `variant`.
fn add(both: &mut [Figures; 2], [ours, theirs]: [&Figures; 2], variant: &str) {
    for (name, of_ours) in ours {
        let Some((what, clock)) = name.rsplit_once(' ').filter(|(_, clock)| ["wall", "cpu"].contains(clock))
        else {
            continue;
        };
        let name_of_theirs = format!("{} {clock}", without_integers(what));
        if let Some(of_theirs) = theirs.get(&name_of_theirs) {
            both[0].insert(format!("{what}{variant} {clock}"), *of_ours);
            both[1].insert(format!("{}{variant} {clock}", without_integers(what)), *of_theirs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::figures;

    #[test]
    fn figures_of_another_dtype_have_names_of_their_own() {
        let theirs = figures(&[("decode wall", 4.0), ("forward peak", 5.0), ("read GB/s", 6.0)]);
        let expected = figures(&[("decode, bfloat16 base wall", 4.0), ("forward, bfloat16 base peak", 5.0)]);
        assert_eq!(renamed(&theirs, HALF), expected);
    }

    #[test]
    fn a_variant_has_the_times_of_both_sides_under_names_of_its_own() {
        let ours = figures(&[("decode wall", 1.0), ("decode, int8 base wall", 2.0), ("forward peak", 3.0)]);
        let theirs = figures(&[("decode wall", 4.0), ("forward peak", 5.0)]);
        let mut both = [Figures::new(), Figures::new()];
        add(&mut both, [&ours, &theirs], ", one thread");
        let of_ours =
            figures(&[("decode, one thread wall", 1.0), ("decode, int8 base, one thread wall", 2.0)]);
        assert_eq!(both, [of_ours, figures(&[("decode, one thread wall", 4.0)])]);
    }
}
