//! Counts the kernels that a GPU is asked to run for a forward pass, a training step and a generated token, and says how long the
//! memory, the arithmetic and the launches of a GPU take for them at least.
//!
//! The number of kernels does not depend on the device, nor on the sizes of the batch, so a Vulkan driver on the CPU counts too.

mod count;
mod limits;
mod measure;

use anyhow::Result;
use clap::Parser;
use ia3_benches::Shape;

use measure::Counts;

/// Count the kernels of a forward pass, of a training step and of a generated token on a device of CubeCL.
#[derive(Parser)]
struct Args {
    /// Shapes of the table to measure.
    #[arg(long, value_delimiter = ',', default_value = "t5-small,gpt2,smollm2-135m,minilm")]
    shapes: Vec<String>,
    /// Number of tokens of the inputs.
    #[arg(long, default_value_t = 16)]
    tokens: usize,
    /// Print the kernels of each row of the table by name.
    #[arg(long)]
    kernels: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let device = ia3_benches::device();
    println!("device: {device:?}\n");
    println!("| shape | what | base | adapter | merged | two adapters |\n|---|---|---|---|---|---|");
    let mut measured = vec![];
    for name in &args.shapes {
        let shape = Shape::named(name);
        let small = Shape { batch: 2, input: args.tokens, target: shape.target.map(|_| 4), ..*shape };
        let counts = Counts::measure(&small, &device)?;
        for row in counts.rows() {
            println!("| {name} | {row}");
        }
        measured.push((shape, counts));
    }
    println!();
    limits::print(&measured);
    if args.kernels {
        measured.iter().for_each(|(shape, counts)| counts.print_kernels(shape.name));
    }
    Ok(())
}
