//! Times this library and PEFT on PyTorch in turns, on the same checkpoints with the same threads, and prints the ratios.
//!
//! Every part of the measurements runs in a process of its own, ours and PEFT's one after the other, for some rounds; each
//! goes first in every other round. A ratio is PEFT's median of a round by ours of the same round. Linux only.

mod flops;
mod measure;
mod report;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Parser;
// The allocator of the programs.
use ia3_benches as _;

use report::{Figures, Report};

/// Time this library and PEFT on PyTorch in turns and print one table of ratios.
#[derive(Parser)]
struct Args {
    /// Python with torch, transformers and peft.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
    /// Shapes, with commas.
    #[arg(long, value_delimiter = ',', default_value = "t5-small,t5-base,gpt2,falcon-small")]
    shapes: Vec<String>,
    /// Parts: forward, train, use (decode, load, switch, merge), start.
    #[arg(long, value_delimiter = ',', default_value = "forward,train,use,start")]
    parts: Vec<String>,
    /// Processes of each side.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Runs in a process, of which the median counts; one before them does not.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Threads of each side.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Where checkpoints are exported to.
    #[arg(long, default_value = "target/compare")]
    dir: PathBuf,
    /// Measure ours in this process, for the runner itself.
    #[arg(long, hide = true)]
    child: Option<String>,
}

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/compare/run_peft.py");

fn main() -> Result<()> {
    let args = Args::parse();
    if let Some(part) = &args.child {
        let figures = measure::part(part, &args.shapes[0], &args.dir, args.runs)?;
        println!("{}", serde_json::to_string(&figures)?);
        return Ok(());
    }
    let mut report = Report::default();
    for shape in &args.shapes {
        let dir = args.dir.join(shape);
        export(&args, shape, &dir)?;
        for round in 0..args.rounds {
            for part in &args.parts {
                eprintln!("{shape}: {part}, round {} of {}", round + 1, args.rounds);
                report.add(shape, &in_turn(&args, shape, &dir, part, round % 2 == 1)?);
            }
        }
    }
    println!("{report}");
    Ok(())
}

/// Ours and PEFT's figures.
fn in_turn(args: &Args, shape: &str, dir: &Path, part: &str, swapped: bool) -> Result<[Figures; 2]> {
    let ours = || run(part, ours(args, shape, dir, part)?);
    let theirs = || run(part, peft(args, shape, dir, part));
    Ok(match swapped {
        false => [ours()?, theirs()?],
        true => {
            let theirs = theirs()?;
            [ours()?, theirs]
        }
    })
}

fn ours(args: &Args, shape: &str, dir: &Path, part: &str) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env("RAYON_NUM_THREADS", args.threads.to_string());
    // As the program `ia3` keeps freed memory.
    command.env("MIMALLOC_PURGE_DELAY", "-1");
    command.args(["--child", part, "--shapes", shape, "--dir"]).arg(dir);
    command.args(["--runs", &args.runs.to_string()]);
    Ok(command)
}

fn peft(args: &Args, shape: &str, dir: &Path, part: &str) -> Command {
    let mut command = Command::new(&args.python);
    command.args([SCRIPT, part, shape]).arg(dir);
    command.args(["--runs", &args.runs.to_string(), "--threads", &args.threads.to_string()]);
    command
}

/// Runs a process and reads its figures; the time of the process itself is one of them where `part` is `start`.
fn run(part: &str, mut command: Command) -> Result<Figures> {
    let start = Instant::now();
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("running {command:?}"))?;
    let wall = start.elapsed().as_secs_f64() * 1e3;
    if !output.status.success() {
        bail!("{command:?} ended with {}", output.status);
    }
    let mut figures: Figures =
        serde_json::from_slice(&output.stdout).context("reading the figures of a process")?;
    if part == "start" {
        figures.insert("start to first token wall".into(), wall);
    }
    Ok(figures)
}

fn export(args: &Args, shape: &str, dir: &Path) -> Result<()> {
    if dir.join("adapter_b/adapter_model.safetensors").exists() {
        return Ok(());
    }
    run("export", peft(args, shape, dir, "export")).map(|_| ())
}
