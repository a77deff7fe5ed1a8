//! Measures how time grows with the length of a sequence and with the number of new tokens. Prints tables with exponents
//! and draws a plot of each. Batch, model and adapter stay the same; the device is that of `BURN_DEVICE`.

mod fit;
mod measure;
mod plot;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Parser;
use ia3_benches::{SHAPES, Shape, device};

use fit::exponent;
use measure::{Series, by_length, by_new_tokens};

/// Time the forward pass, the training step and generation against their lengths, and plot the curves.
#[derive(Parser)]
struct Args {
    /// Shapes to measure, separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "t5-small,gpt2")]
    shapes: Vec<String>,
    /// Numbers of tokens of the inputs, separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "64,128,256,512,1024")]
    lengths: Vec<usize>,
    /// Numbers of new tokens, separated by commas. An empty value leaves generation out.
    #[arg(long, value_delimiter = ',', default_value = "16,32,64,128,256")]
    new_tokens: Vec<usize>,
    /// Number of tokens of the prompts.
    #[arg(long, default_value_t = 64)]
    prompt: usize,
    /// Number of rows per batch.
    #[arg(long, default_value_t = 2)]
    batch: usize,
    /// Number of runs, of which the median counts. One run before is not counted.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Folder for the plots.
    #[arg(long, default_value = "growth")]
    out: PathBuf,
}

fn main() -> Result<()> {
    let args = Args::parse();
    ensure!(
        args.batch > 0 && args.prompt > 0 && args.runs > 0,
        "--batch, --prompt and --runs have to be at least 1"
    );
    let zero = args.lengths.iter().chain(&args.new_tokens).any(|&length| length == 0);
    ensure!(!zero, "--lengths and --new-tokens have to be at least 1");
    for name in &args.shapes {
        let known: Vec<&str> = SHAPES.iter().map(|shape| shape.name).collect();
        ensure!(known.contains(&name.as_str()), "there is no shape {name}; known are {}", known.join(", "));
    }
    std::fs::create_dir_all(&args.out)?;
    let device = device();
    for name in &args.shapes {
        let shape = Shape { batch: args.batch, ..*Shape::named(name) };
        let series = by_length(&shape, &args.lengths, args.runs, &device)?;
        report(&args, &format!("{name}-length"), "tokens of the input", &series)?;
        let series = by_new_tokens(&shape, args.prompt, &args.new_tokens, args.runs, &device)?;
        report(&args, &format!("{name}-new-tokens"), "new tokens", &series)?;
    }
    Ok(())
}

/// Prints the table with the exponents, and draws the plot.
fn report(args: &Args, name: &str, axis: &str, series: &[Series]) -> Result<()> {
    let Some(first) = series.first() else { return Ok(()) };
    let names: Vec<&str> = series.iter().map(|series| series.name).collect();
    println!(
        "\n{name}, batch {}\n\n| {axis} | {} |\n|---{}|",
        args.batch,
        names.join(" | "),
        "|---".repeat(names.len())
    );
    for (i, (length, _)) in first.points.iter().enumerate() {
        let times: Vec<String> = series.iter().map(|s| format!("{:.4} s", s.points[i].1)).collect();
        println!("| {length} | {} |", times.join(" | "));
    }
    let exponents: Vec<String> = series
        .iter()
        .map(|s| exponent(&s.points).map_or("–".into(), |exponent| format!("{exponent:.2}")))
        .collect();
    println!("| exponent | {} |", exponents.join(" | "));
    let path = args.out.join(format!("{name}.svg"));
    plot::draw(&path, name, axis, series)?;
    println!("\n-> {}", path.display());
    Ok(())
}
