//! Times this library and PEFT on PyTorch in turns, on the same checkpoints with the same threads, and prints the ratios.
//!
//! Every part of the measurements runs in a process of its own, ours and PEFT's one after the other, for some rounds; each
//! goes first in every other round. A ratio is PEFT's median of a round by ours of the same round. Linux only.

mod alone;
mod flops;
mod machine;
mod ours;
mod part;
mod report;
mod sides;
mod timing;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Parser;
use ia3_benches::{SHAPES, Shape};

use ours::Settings;
use part::Part;
use report::Report;

/// Time this library and PEFT on PyTorch in turns and print a table of ratios, and one of ours beside the machine's limits.
#[derive(Parser)]
struct Args {
    /// Python with torch, transformers and peft.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
    /// Shapes, with commas.
    #[arg(long, value_delimiter = ',', default_value = "t5-small,t5-base,gpt2,falcon-small,minilm")]
    shapes: Vec<String>,
    /// The parts to run, with commas; without it all that a shape has.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PART", default_values_t = Part::ALL.to_vec())]
    only: Vec<Part>,
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
    #[arg(long, value_enum, hide = true)]
    child: Option<Part>,
}

impl Args {
    fn settings(&self) -> Settings {
        Settings { runs: self.runs, threads: self.threads }
    }

    /// The shapes, each with its parts.
    fn shapes(&self) -> Result<Vec<(&'static Shape, Vec<Part>)>> {
        let counts = [self.rounds, self.runs, self.threads];
        ensure!(!counts.contains(&0), "rounds, runs and threads are at least 1");
        let known: Vec<&str> = SHAPES.iter().map(|shape| shape.name).collect();
        for name in &self.shapes {
            let is_known = known.contains(&name.as_str());
            ensure!(is_known, "there is no shape {name}; known are {}", known.join(", "));
        }
        let shapes = self.shapes.iter().map(|name| Shape::named(name));
        let fitting = |shape: &Shape| self.only.iter().copied().filter(|part| part.fits(shape)).collect();
        let shapes: Vec<(_, Vec<Part>)> = shapes.map(|shape| (shape, fitting(shape))).collect();
        let any = shapes.iter().any(|(_, parts)| !parts.is_empty());
        let problem = "none of these shapes has any of these parts: decode and start are of models that generate, \
                       ragged is of classifiers";
        ensure!(any, "{problem}");
        Ok(shapes)
    }
}

fn main() -> Result<()> {
    let args = Args::parse();
    let shapes = args.shapes()?;
    if let Some(part) = args.child {
        let figures = ours::measure(part, shapes[0].0, &args.dir, args.settings())?;
        println!("{}", serde_json::to_string(&figures)?);
        return Ok(());
    }
    let mut report = Report::default();
    for (shape, parts) in shapes.iter().filter(|(_, parts)| !parts.is_empty()) {
        let sides = sides::Sides::exported(&args, shape)?;
        for round in 0..args.rounds {
            for &part in parts {
                eprintln!("{}: {}, round {} of {}", shape.name, part.name(), round + 1, args.rounds);
                report.add(shape.name, &sides.in_turn(part, round % 2 == 1)?);
            }
        }
    }
    println!("{report}");
    Ok(())
}
