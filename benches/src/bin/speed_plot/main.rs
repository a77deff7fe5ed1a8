//! Draws the tables of docs/performance.md as bars, a plot per question:
//! `cargo run -p ia3-benches --bin speed_plot -- docs/performance.md docs/images`.

mod charts;
mod plot;
mod table;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;

/// Draw how fast this library is beside PEFT (speed.svg), which share of the machine's rate it reaches (limit.svg), and how
/// much memory it takes (memory.svg).
#[derive(Parser)]
struct Args {
    /// A Markdown file with the tables that `compare` prints.
    page: PathBuf,
    /// The folder of the SVG files.
    out: PathBuf,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let page =
        fs::read_to_string(&args.page).with_context(|| format!("cannot read {}", args.page.display()))?;
    let charts = [
        ("speed.svg", charts::speed(&page)?),
        ("limit.svg", charts::limit(&page)?),
        ("memory.svg", charts::memory(&page)?),
    ];
    charts.iter().try_for_each(|(file, chart)| plot::draw(&args.out.join(file), chart))
}
