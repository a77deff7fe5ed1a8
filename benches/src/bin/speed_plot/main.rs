//! Draws the ratios of docs/performance.md as bars:
//! `cargo run -p ia3-benches --bin speed_plot -- docs/performance.md docs/images/speed.svg`.

mod plot;
mod ratios;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;

#[derive(Parser)]
struct Args {
    /// A Markdown file with the table that `compare` prints.
    table: PathBuf,
    /// The SVG file to write.
    out: PathBuf,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let text =
        fs::read_to_string(&args.table).with_context(|| format!("cannot read {}", args.table.display()))?;
    plot::draw(&args.out, &ratios::ratios(&text)?)
}
