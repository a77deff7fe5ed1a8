//! The processes of llama.cpp, which runs the same model from GGUF files.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use ia3_benches::Shape;

use crate::Args;
use crate::figures::Figures;
use crate::ours::Chosen;
use crate::part::Part;
use crate::process::{figures, run};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/compare/run_llama_cpp.py");

/// Log-probabilities of the same model differ by less in float32. Rows of a query in another order change them by 0.01 to 0.1.
const TOLERANCE: f64 = 1e-4;

/// llama.cpp for one shape.
pub(crate) struct LlamaCpp<'a> {
    args: &'a Args,
    shape: &'static Shape,
    dir: PathBuf,
    /// Its version and the instructions that it uses.
    pub(crate) system: String,
}

/// What llama.cpp chooses after the prompt.
struct Check {
    tokens: Vec<i64>,
    log_probabilities: Vec<f64>,
}

impl<'a> LlamaCpp<'a> {
    /// Writes the GGUF files, unless they exist, and checks that llama.cpp computes the same model from the one in float32.
    ///
    /// # Errors
    ///
    /// If llama.cpp chooses other tokens than this library, or with other probabilities.
    pub(crate) fn exported(args: &'a Args, shape: &'static Shape) -> Result<Self> {
        let mut it = Self { args, shape, dir: args.dir.join(shape.name), system: String::new() };
        // This file is the last one that the export writes.
        if !it.dir.join("gguf/Q4_0.gguf").exists() {
            run(&mut it.command("export"))?;
        }
        let (system, tokens, log_probabilities) =
            serde_json::from_slice(&run(&mut it.command("check"))?).context("reading llama.cpp's check")?;
        let check = Check { tokens, log_probabilities };
        let ours = Chosen::after_prompt(shape, &it.dir, args.settings(), &check.tokens)?;
        compare(&check, &ours).with_context(|| {
            format!(
                "checking the files in {}; delete them to write them again",
                it.dir.join("gguf").display()
            )
        })?;
        it.system = system;
        Ok(it)
    }

    /// Measures a part in a process of its own.
    pub(crate) fn measured(&self, part: Part) -> Result<Figures> {
        figures(part, &mut self.command(part.name()))
    }

    fn command(&self, part: &str) -> Command {
        let mut command = Command::new(&self.args.python);
        command.args([SCRIPT, part]).arg(&self.dir);
        let counts =
            [("--input", self.shape.input), ("--runs", self.args.runs), ("--threads", self.args.threads)];
        for (name, count) in counts {
            command.args([name, &count.to_string()]);
        }
        command
    }
}

fn compare(theirs: &Check, ours: &Chosen) -> Result<()> {
    let (tokens, other) = (&ours.tokens, &theirs.tokens);
    ensure!(tokens == other, "llama.cpp chose the tokens {other:?} where this library chooses {tokens:?}");
    let both = ours.log_probabilities.iter().zip(&theirs.log_probabilities);
    let largest = both.map(|(ours, theirs)| (ours - theirs).abs()).fold(0.0, f64::max);
    ensure!(
        largest <= TOLERANCE,
        "the log-probabilities of llama.cpp and of this library differ by {largest:.1e}, more than {TOLERANCE:e}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_tokens_and_other_probabilities_are_refused() {
        let check = |token, log: f64| {
            let theirs = Check { tokens: vec![7, token], log_probabilities: vec![-1.0, log] };
            let ours = Chosen { tokens: vec![7, 9], log_probabilities: vec![-1.0, -2.0] };
            compare(&theirs, &ours).map_err(|error| error.to_string())
        };
        assert_eq!(check(9, -2.000_01), Ok(()));
        assert!(check(8, -2.0).unwrap_err().contains("[7, 8] where this library chooses [7, 9]"));
        assert!(check(9, -2.001).unwrap_err().contains("differ by 1.0e-3, more than 1e-4"));
    }
}
