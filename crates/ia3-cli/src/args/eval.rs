//! `ia3 eval`.

use std::path::PathBuf;

use clap::ValueEnum;

use super::model::base_folder;
use super::{DataArgs, HeadArgs};

const EXAMPLES: &str = "\
Examples:
  ia3 eval --base examples/base --data test.jsonl
  ia3 eval --base examples/base --data test.jsonl --predictions answers.jsonl
  ia3 eval --base examples/base --data seasons.jsonl \\
      --templates templates.yaml";

/// Figures beside loss and accuracy or exact match.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FigureName {
    /// Macro and micro F1 of classes or choices.
    F1,
    /// Matthews' correlation of classes or choices.
    Matthews,
    /// ROUGE-1, ROUGE-2 and ROUGE-L of texts, as Google's rouge_score.
    Rouge,
    /// BLEU of texts, as sacrebleu.
    Bleu,
    /// The exponential of the loss per token.
    Perplexity,
    /// The share of wrong words, and that of wrong characters, of texts, as jiwer.
    Wer,
}

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Eval {
    /// Folder of the base, with a tokenizer. Without it, the base is the folder that the first adapter names.
    #[arg(long, value_name = "DIR", default_value = "", hide_default_value = true, value_parser = base_folder())]
    pub(crate) base: PathBuf,
    /// Folder of an adapter. If the option is given several times, each adapter is evaluated. `{seed}` stands for each
    /// value of `--seeds`. Without adapters, the base is evaluated.
    #[arg(long = "adapter", value_name = "DIR")]
    pub(crate) adapters: Vec<String>,
    /// Keep the integers of the linear layers of a base that another program quantised (GGUF, GPTQ, AWQ, bitsandbytes and torchao
    /// in 8 bits), instead of decoding them to floats.
    #[arg(long)]
    pub(crate) keep_quantized: bool,
    #[command(flatten)]
    pub(crate) head: HeadArgs,
    /// Seeds that the adapters were trained with.
    #[arg(long, value_name = "N,…", value_delimiter = ',', requires = "adapters")]
    pub(crate) seeds: Vec<u64>,
    /// File to evaluate on: JSON lines, or a table that ends with .csv or .tsv, optionally compressed with gzip. `-` is the
    /// standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) rows: DataArgs,
    /// File to write the answers to: a line of JSON per row, adapter and template, each as soon as it is computed.
    #[arg(long, value_name = "FILE")]
    pub(crate) predictions: Option<PathBuf>,
    /// Further figures to compute.
    #[arg(long, value_enum, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) metrics: Vec<FigureName>,
    /// Number of rows per batch. Every answer choice is a row.
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub(crate) batch_size: usize,
    /// Exponent of the number of tokens by which the score of an answer choice is divided.
    #[arg(long, value_name = "EXPONENT", default_value_t = 1.0, allow_negative_numbers = true)]
    pub(crate) length_norm: f64,
    /// Seed for templates that draw random values.
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub(crate) seed: u64,
}
