//! Times this library and PEFT on PyTorch on the same checkpoints with the same number of threads, and prints the ratios.
//!
//! Every part of the measurements runs in its own process, and the processes of both sides alternate. The measurement is
//! repeated in rounds, and the sides take turns in going first. A ratio is PEFT's median of a round divided by this
//! library's median of the same round. llama.cpp is a third side on request. Linux only.

mod figures;
mod limits;
mod llama_cpp;
mod llama_table;
mod machine;
mod machine_table;
mod ours;
mod part;
mod process;
mod products_table;
mod report;
mod sides;
mod timing;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Parser;
use ia3_benches::{SHAPES, Shape};

use figures::Figures;
use llama_cpp::LlamaCpp;
use llama_table::LlamaTable;
use ours::Settings;
use part::Part;
use report::Report;
use sides::{PeftDtype, Sides};

/// Time this library and PEFT on PyTorch alternately. Print a table of ratios, and a table of this library's times beside
/// the limits of the machine.
#[derive(Parser)]
struct Args {
    /// Python interpreter with torch, transformers and peft.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
    /// Shapes to measure, separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "t5-small,t5-base,gpt2,falcon-small,minilm")]
    shapes: Vec<String>,
    /// Parts to measure, separated by commas. The default is every part that fits a shape.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PART", default_values_t = Part::ALL.to_vec())]
    only: Vec<Part>,
    /// Number of rounds: processes per side and part.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Number of runs in a process, of which the median counts. One run before is not counted.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Number of threads of each side.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Measure a base in bfloat16 too, forward pass, train step and decoding: this library computes in float32 from it, PEFT
    /// in bfloat16, or in float32 where torch multiplies that faster.
    #[arg(long)]
    bfloat16: bool,
    /// Measure forward pass, train step and decoding with one thread too.
    #[arg(long)]
    one_thread: bool,
    /// Measure decoding and the prompt beside llama.cpp too, on shapes of Llama. PYTHON needs xllamacpp and gguf.
    #[arg(long)]
    llama_cpp: bool,
    /// Folder to export the checkpoints to.
    #[arg(long, default_value = "target/compare")]
    dir: PathBuf,
    /// Measure this library in this process. The program uses this option to start its own processes.
    #[arg(long, value_enum, hide = true)]
    child: Option<Part>,
    /// Let that process load the base in bfloat16.
    #[arg(long, hide = true)]
    half: bool,
}

impl Args {
    fn settings(&self) -> Settings {
        Settings { runs: self.runs, threads: self.threads, half: self.half }
    }

    /// The shapes to measure, each with its parts.
    fn shapes(&self) -> Result<Vec<(&'static Shape, Vec<Part>)>> {
        let counts = [self.rounds, self.runs, self.threads];
        ensure!(!counts.contains(&0), "--rounds, --runs and --threads have to be at least 1");
        let known: Vec<&str> = SHAPES.iter().map(|shape| shape.name).collect();
        for name in &self.shapes {
            let is_known = known.contains(&name.as_str());
            ensure!(is_known, "there is no shape {name}; known are {}", known.join(", "));
        }
        let shapes = self.shapes.iter().map(|name| Shape::named(name));
        let fitting = |shape: &Shape| self.only.iter().copied().filter(|part| part.fits(shape)).collect();
        let shapes: Vec<(_, Vec<Part>)> = shapes.map(|shape| (shape, fitting(shape))).collect();
        let any = self.only.contains(&Part::Machine) || shapes.iter().any(|(_, parts)| !parts.is_empty());
        let problem = "no part of --only fits a shape of --shapes: decode, prompt and start need models that generate, ragged \
                       needs classifiers";
        ensure!(any, "{problem}");
        let beside = |(shape, parts): &(&Shape, Vec<Part>)| {
            parts.iter().any(|&part| self.is_beside_llama_cpp(shape, part))
        };
        ensure!(
            !self.llama_cpp || shapes.iter().any(beside),
            "--llama-cpp needs a part decode or prompt and a shape of Llama: llama-small or smollm2-135m"
        );
        Ok(shapes)
    }

    fn is_beside_llama_cpp(&self, shape: &Shape, part: Part) -> bool {
        self.llama_cpp && shape.is_llama() && part.is_beside_llama_cpp()
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
    if args.only.contains(&Part::Machine) {
        println!("{}", machine_table::measured(&args)?);
    }
    let dtype = PeftDtype::fastest(&args)?;
    let (mut report, mut beside) = (Report::default(), LlamaTable::default());
    for (shape, parts) in shapes.iter().filter(|(_, parts)| !parts.is_empty()) {
        let sides = Sides::exported(&args, shape, dtype)?;
        let is_beside = |part: &&Part| args.is_beside_llama_cpp(shape, **part);
        let llama = parts.iter().find(is_beside).map(|_| LlamaCpp::exported(&args, shape)).transpose()?;
        for round in 0..args.rounds {
            for &part in parts {
                eprintln!("{}: {}, round {} of {}", shape.name, part.name(), round + 1, args.rounds);
                let llama = llama.as_ref().filter(|_| is_beside(&&part));
                let (both, theirs) = measured(&sides, llama, part, round % 2 == 1)?;
                if let Some((llama, theirs)) = llama.zip(theirs) {
                    beside.add(shape.name, &[both[0].clone(), theirs], &llama.system);
                }
                report.add(shape.name, &both);
            }
        }
    }
    if shapes.iter().any(|(_, parts)| !parts.is_empty()) {
        println!("{report}\n{beside}");
    }
    if dtype == PeftDtype::Float32 {
        println!(
            "PEFT computed in float32 from the base in bfloat16 too, because torch multiplies bfloat16 more slowly here."
        );
    }
    Ok(())
}

/// The figures of this library and of PEFT, and those of llama.cpp, which goes first if `swapped`.
fn measured(
    sides: &Sides,
    llama: Option<&LlamaCpp>,
    part: Part,
    swapped: bool,
) -> Result<([Figures; 2], Option<Figures>)> {
    let theirs = || llama.map(|llama| llama.measured(part)).transpose();
    Ok(match swapped {
        false => (sides.in_turn(part, swapped)?, theirs()?),
        true => {
            let theirs = theirs()?;
            (sides.in_turn(part, swapped)?, theirs)
        }
    })
}
