use std::path::PathBuf;

use clap::{ArgGroup, ValueEnum};

use super::DataArgs;

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum OptimizerName {
    Adamw,
    Adafactor,
}

#[derive(clap::Args)]
#[command(group = ArgGroup::new("held_out").args(["eval", "tasks"]))]
pub(crate) struct Train {
    /// Folder of the base, with tokenizer.json.
    #[arg(long, value_name = "DIR")]
    pub(crate) base: PathBuf,
    /// Lines of JSON to train on, gzip or not.
    #[arg(long, value_name = "FILE", required_unless_present = "tasks")]
    pub(crate) data: Option<PathBuf>,
    /// A JSON list of tasks to train an adapter each for in one run: `name`, `data`, `eval`, and the options of the data
    /// under their names with underscores; what a task leaves out is what is given here.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "eval"])]
    pub(crate) tasks: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) rows: DataArgs,
    /// Lines to evaluate on, before and after.
    #[arg(long, value_name = "FILE")]
    pub(crate) eval: Option<PathBuf>,
    /// Folder to write the adapter to, or a folder for each of the tasks.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Modules to scale: names (repeat, or separate by commas), or one Python regular expression; the architecture's default without it.
    #[arg(long = "target", value_name = "NAME", conflicts_with = "config")]
    pub(crate) targets: Vec<String>,
    /// Those of them whose input is scaled.
    #[arg(long = "feedforward", value_name = "NAME", conflicts_with = "config")]
    pub(crate) feedforward: Option<Vec<String>>,
    /// An adapter_config.json to take the targets from.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Hold the queries of fused projections at 1: the paper scales keys and values only.
    #[arg(long)]
    pub(crate) kv_only: bool,
    /// Classes of a classifier whose base has no head; what its config.json says, or as many as the data have.
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(2..))]
    pub(crate) num_labels: Option<usize>,
    /// What the options below are without being given; examples of similar length share a batch if this is not given.
    #[arg(long, value_enum)]
    pub(crate) preset: Option<PresetName>,
    /// Optimiser steps; 1000, or 100000 in pre-training.
    #[arg(long, value_name = "N")]
    pub(crate) steps: Option<usize>,
    /// Examples a step, of each task; 8, or 16 in pre-training.
    #[arg(long, value_name = "N")]
    pub(crate) batch_size: Option<usize>,
    /// Batches whose gradients make one step.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) gradient_accumulation_steps: usize,
    /// Peak learning rate; 0.003, or 0.0003 in pre-training.
    #[arg(long, value_name = "RATE")]
    pub(crate) lr: Option<f64>,
    /// The optimiser; adafactor.
    #[arg(long, value_enum)]
    pub(crate) optimizer: Option<OptimizerName>,
    /// Share of the steps in which the learning rate rises from 0; it falls to 0 afterwards.
    #[arg(long, value_name = "SHARE", default_value_t = 0.06)]
    pub(crate) warmup_ratio: f64,
    /// Bound of the joint norm of all gradients, 0 for none; 1.
    #[arg(long, value_name = "NORM")]
    pub(crate) max_grad_norm: Option<f32>,
    #[command(flatten)]
    pub(crate) loss: LossArgs,
    /// Steps between checkpoints, 0 for none but the last; the same command goes on from the last one.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) save_steps: usize,
    /// Checkpoints to keep, beside the best one.
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) save_total_limit: usize,
    /// Start anew where there are checkpoints, and remove them.
    #[arg(long)]
    pub(crate) no_resume: bool,
    /// Steps between evaluations on the lines of `--eval`; the adapter of the best one is kept.
    #[arg(long, value_name = "N", requires = "held_out", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    pub(crate) eval_steps: Option<usize>,
    /// Ends the training after so many evaluations without a better one.
    #[arg(long, value_name = "N", requires = "eval_steps", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    pub(crate) patience: Option<usize>,
    /// What makes an evaluation the best.
    #[arg(long, value_enum, default_value = "loss")]
    pub(crate) metric: MetricName,
    /// Tell what the training would be, with time and memory from three steps; nothing is written.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Train even if the estimated memory is more than there is.
    #[arg(long)]
    pub(crate) no_memory_check: bool,
    /// Seed of the order of the examples and of dropout.
    #[arg(long, default_value_t = 42)]
    pub(crate) seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MetricName {
    /// The lowest loss.
    Loss,
    /// The highest share of right answers.
    ExactMatch,
}

/// The loss.
#[derive(clap::Args)]
pub(crate) struct LossArgs {
    /// Weight of the length-normalised loss over choices; 1, or 0 in pre-training.
    #[arg(long, value_name = "WEIGHT")]
    pub(crate) mc_loss: Option<f64>,
    /// Weight of the unlikelihood loss of wrong choices; 1, or 0 in pre-training.
    #[arg(long, value_name = "WEIGHT")]
    pub(crate) unlikely_loss: Option<f64>,
    /// The unlikelihood loss of the authors' program, or of the paper's equation.
    #[arg(long, value_enum, default_value = "authors")]
    pub(crate) unlikelihood: UnlikelihoodName,
    /// Exponent of a choice's length in its score.
    #[arg(long, value_name = "EXPONENT", default_value_t = 1.0)]
    pub(crate) length_norm: f64,
    /// The tokens that a decoder alone answers for.
    #[arg(long, value_enum, default_value = "target")]
    pub(crate) causal_loss: CausalLossName,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UnlikelihoodName {
    /// −log(1 − p + 0.01), and a constant for masked positions.
    Authors,
    /// −log(1 − p).
    Paper,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CausalLossName {
    /// Those of the target.
    Target,
    /// Those of the input too.
    All,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PresetName {
    /// Few-shot training as in T-Few.
    TFew,
    /// T-Few's pre-training of the vectors.
    TFewPretrain,
}
