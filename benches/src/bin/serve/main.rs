//! Measures serving: many requests at once, each under its own adapter, against all under one, and against one after the other.

mod adapters;
mod forward;
mod steps;
mod text;

use anyhow::{Result, ensure};
use clap::Parser;

/// Time the engines of `ia3 serve` with random weights and thousands of adapters, in turns.
#[derive(Parser)]
pub(crate) struct Args {
    /// Shape of the language model.
    #[arg(long, default_value = "smollm2-135m")]
    shape: String,
    /// Requests that run at the same time.
    #[arg(long, default_value_t = 64)]
    requests: usize,
    /// Tokens of a prompt.
    #[arg(long, default_value_t = 32)]
    prompt: usize,
    /// Tokens of an answer.
    #[arg(long, default_value_t = 32)]
    new_tokens: usize,
    /// Adapters in memory.
    #[arg(long, default_value_t = 2000)]
    adapters: usize,
    /// Adapters of the encoder.
    #[arg(long, default_value_t = 10_000)]
    encoder_adapters: usize,
    /// Requests to the encoder.
    #[arg(long, default_value_t = 4_000)]
    encoder_requests: usize,
    /// Rounds, of which the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// What to measure.
    #[arg(long, value_delimiter = ',', default_value = "text,steps,forward")]
    only: Vec<String>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    ensure!(
        args.requests > 0 && args.prompt > 0 && args.new_tokens > 1 && args.rounds > 0,
        "--requests, --prompt and --rounds have to be at least 1, and --new-tokens at least 2"
    );
    ensure!(args.adapters >= args.requests, "--adapters has to be at least --requests");
    for part in &args.only {
        match part.as_str() {
            "text" => text::measure(&args)?,
            "steps" => text::measure_steps(&args)?,
            "forward" => forward::measure(&args)?,
            other => anyhow::bail!("there is no part {other}; known are text, steps and forward"),
        }
    }
    Ok(())
}
