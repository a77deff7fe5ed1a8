//! `ia3 eval`.

use std::path::PathBuf;

use super::{DataArgs, HeadArgs};

const EXAMPLES: &str = "\
Examples:
  ia3 eval --base examples/base --data test.jsonl
  ia3 eval --base examples/base --data seasons.jsonl --templates templates.yaml";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Eval {
    /// Folder of the base, with tokenizer.json.
    #[arg(long, value_name = "DIR")]
    pub(crate) base: PathBuf,
    /// Folder of an adapter. If the option is given several times, each adapter is evaluated. `{seed}` stands for each
    /// value of `--seeds`. Without adapters, the base is evaluated.
    #[arg(long = "adapter", value_name = "DIR")]
    pub(crate) adapters: Vec<String>,
    #[command(flatten)]
    pub(crate) head: HeadArgs,
    /// Seeds that the adapters were trained with.
    #[arg(long, value_name = "N,…", value_delimiter = ',', requires = "adapters")]
    pub(crate) seeds: Vec<u64>,
    /// File of JSON lines to evaluate on, optionally compressed with gzip.
    #[arg(long, value_name = "FILE")]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) rows: DataArgs,
    /// Number of rows per batch. Every answer choice is a row.
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub(crate) batch_size: usize,
    /// Exponent of the number of tokens by which the score of an answer choice is divided.
    #[arg(long, value_name = "EXPONENT", default_value_t = 1.0)]
    pub(crate) length_norm: f64,
    /// Seed for templates that draw random values.
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub(crate) seed: u64,
}
