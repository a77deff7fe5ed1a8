//! `ia3 train`.

use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use clap::{ArgGroup, ValueEnum};

use super::model::base_folder;
use super::{DataArgs, DtypeName, HeadArgs, LossArgs};

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum OptimizerName {
    Adamw,
    Adafactor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MetricName {
    /// The lowest loss.
    Loss,
    /// The highest share of correct answers.
    ExactMatch,
    /// The highest F1, of entities or of the classes of rows with several.
    F1,
    /// The highest correlation of the numbers of a regression with the targets.
    Pearson,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PresetName {
    /// Few-shot training as in T-Few.
    TFew,
    /// T-Few's pre-training of the vectors.
    TFewPretrain,
    /// Training of a chat model: all linear layers have a vector, AdamW, 3 epochs.
    Chat,
}

const EXAMPLES: &str = "\
Examples:
  ia3 train --base examples/base --data train.jsonl --eval test.jsonl \\
      --steps 100 --out adapter
  ia3 train --adapter adapter --data train.jsonl --eval test.jsonl \\
      --epochs 2 --predictions answers.jsonl --out longer
  ia3 train --base examples/base --data seasons.jsonl \\
      --templates templates.yaml --preset t-few --steps 20 --out seasons
  ia3 train --base examples/base --tasks tasks.json --steps 20 \\
      --out adapters";

const MODEL: &str = "Model and adapter";
const DATA: &str = "Data";
const COURSE: &str = "Course of the training";
const EVALUATION: &str = "Evaluation";
const FILES: &str = "Files and checkpoints";

#[derive(clap::Args)]
#[command(group = ArgGroup::new("held_out").args(["eval", "eval_split", "tasks"]), after_help = EXAMPLES)]
pub(crate) struct Train {
    /// Folder of the base, with a tokenizer. Without it, the base is the folder that the adapter of `--adapter` names.
    #[arg(long, value_name = "DIR", default_value = "", hide_default_value = true, value_parser = base_folder(), help_heading = MODEL)]
    pub(crate) base: PathBuf,
    /// Folder of an adapter to start from, with its targets and values. The training is a new one: it has a schedule, an
    /// optimiser and a folder of its own.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["targets", "feedforward", "config", "kv_only", "num_labels"], help_heading = MODEL)]
    pub(crate) adapter: Option<PathBuf>,
    /// Name of the base in adapter_config.json and in the model card. The default is the folder of the base, or the name
    /// on the hub if the folder lies in its cache.
    #[arg(long, value_name = "NAME", help_heading = MODEL)]
    pub(crate) base_name: Option<String>,
    /// Dtype of the base. The vectors stay float32.
    #[arg(long, value_enum, value_name = "DTYPE", default_value = "auto", help_heading = MODEL)]
    pub(crate) dtype: DtypeName,
    /// Keep the integers of the linear layers of a base that another program quantised (GGUF, GPTQ, AWQ, bitsandbytes and torchao
    /// in 8 bits), instead of decoding them to floats.
    #[arg(long, help_heading = MODEL)]
    pub(crate) keep_quantized: bool,
    /// Modules to scale: names (repeat the option, or separate them by commas), `all-linear`, or one Python regular
    /// expression. The default is that of the architecture.
    #[arg(long = "target", value_name = "NAME", conflicts_with = "config", help_heading = MODEL)]
    pub(crate) targets: Vec<String>,
    /// Those of the target modules whose input is scaled instead of their output. An empty value means none.
    #[arg(long = "feedforward", value_name = "NAME", conflicts_with = "config", help_heading = MODEL)]
    pub(crate) feedforward: Option<Vec<String>>,
    /// An adapter_config.json to take the target modules from.
    #[arg(long, value_name = "FILE", help_heading = MODEL)]
    pub(crate) config: Option<PathBuf>,
    /// Keep the queries of fused projections at 1. The paper scales keys and values only.
    #[arg(long, help_heading = MODEL)]
    pub(crate) kv_only: bool,
    #[command(flatten, next_help_heading = MODEL)]
    pub(crate) head: HeadArgs,
    /// Number of classes of a classifier whose base has no head. The default is that of config.json, or that of the data.
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..), help_heading = MODEL)]
    pub(crate) num_labels: Option<usize>,
    /// File to train on: JSON lines, or a table that ends with .csv or .tsv, optionally compressed with gzip. `-` is the
    /// standard input.
    #[arg(long, value_name = "FILE", required_unless_present = "tasks", help_heading = DATA)]
    pub(crate) data: Option<PathBuf>,
    /// File with a JSON list of tasks, each of which gets its own adapter in one training. A task has `name`, `data`,
    /// optionally `eval`, and the data options with underscores in their names. What a task leaves out is taken from the
    /// command line.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "eval", "eval_split"], help_heading = DATA)]
    pub(crate) tasks: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) rows: DataArgs,
    /// Settings for the options below that are not given. Without a preset they are those of `t-few`, and examples of
    /// similar length share a batch.
    #[arg(long, value_enum, help_heading = COURSE)]
    pub(crate) preset: Option<PresetName>,
    /// Number of optimiser steps [default: 1000, 100000 for pre-training, or those of 3 epochs for chat].
    #[arg(long, value_name = "N", conflicts_with = "epochs", help_heading = COURSE)]
    pub(crate) steps: Option<usize>,
    /// Number of passes over the data, in place of `--steps`. It may be a fraction.
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = COURSE)]
    pub(crate) epochs: Option<f64>,
    /// Number of examples of each task per batch [default: 8, or 16 for pre-training].
    #[arg(long, value_name = "N", help_heading = COURSE)]
    pub(crate) batch_size: Option<usize>,
    /// Number of batches per step, whose gradients are accumulated.
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = COURSE)]
    pub(crate) gradient_accumulation_steps: usize,
    /// Compute each block of the base again in the backward pass instead of keeping its activations. It takes less memory and about
    /// half as much time again, and changes no number.
    #[arg(long, help_heading = COURSE)]
    pub(crate) gradient_checkpointing: bool,
    /// Take the rows in the order of the file in every epoch. By default every epoch has a new random order.
    #[arg(long, help_heading = COURSE)]
    pub(crate) no_shuffle: bool,
    /// Peak learning rate [default: 0.003, or 0.0003 for pre-training].
    #[arg(long, value_name = "RATE", allow_negative_numbers = true, help_heading = COURSE)]
    pub(crate) lr: Option<f64>,
    /// Optimiser [default: adafactor, or adamw for chat].
    #[arg(long, value_enum, help_heading = COURSE)]
    pub(crate) optimizer: Option<OptimizerName>,
    /// Share of the steps in which the learning rate rises linearly from 0. In the other steps it falls linearly to 0.
    #[arg(long, value_name = "SHARE", default_value_t = 0.06, allow_negative_numbers = true, help_heading = COURSE)]
    pub(crate) warmup_ratio: f64,
    /// Largest norm of all gradients of an adapter together; larger ones are scaled down. 0 means no limit [default: 1].
    #[arg(long, value_name = "NORM", allow_negative_numbers = true, help_heading = COURSE)]
    pub(crate) max_grad_norm: Option<f32>,
    #[command(flatten)]
    pub(crate) loss: LossArgs,
    /// Seed of the order of the examples, of dropout and of values that start random.
    #[arg(long, value_name = "N", default_value_t = 42, help_heading = COURSE)]
    pub(crate) seed: u64,
    /// File to evaluate on before and after the training, in the same formats.
    #[arg(long, value_name = "FILE", help_heading = EVALUATION)]
    pub(crate) eval: Option<PathBuf>,
    /// Share of the rows of `--data` to hold out and evaluate on, in place of `--eval`. The seed decides which rows these are.
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true, help_heading = EVALUATION)]
    pub(crate) eval_split: Option<f64>,
    /// Number of steps between evaluations on the held-out examples. The adapter of the best evaluation is kept.
    #[arg(long, value_name = "N", requires = "held_out", value_parser = RangedU64ValueParser::<usize>::new().range(1..), help_heading = EVALUATION)]
    pub(crate) eval_steps: Option<usize>,
    /// Number of evaluations without improvement after which the training ends.
    #[arg(long, value_name = "N", requires = "eval_steps", value_parser = RangedU64ValueParser::<usize>::new().range(1..), help_heading = EVALUATION)]
    pub(crate) patience: Option<usize>,
    /// Metric that decides which evaluation is the best.
    #[arg(long, value_enum, default_value = "loss", help_heading = EVALUATION)]
    pub(crate) metric: MetricName,
    /// File to write the answers of the trained adapter to the held-out examples to, a line of JSON per example.
    #[arg(long, value_name = "FILE", requires = "held_out", help_heading = EVALUATION)]
    pub(crate) predictions: Option<PathBuf>,
    /// Folder to write the adapter to. With `--tasks`, every task gets a folder in it.
    #[arg(long, value_name = "DIR", help_heading = FILES)]
    pub(crate) out: PathBuf,
    /// Number of steps between checkpoints. 0 writes only the last one. The same command resumes from the last checkpoint.
    #[arg(long, value_name = "N", default_value_t = 100, help_heading = FILES)]
    pub(crate) save_steps: usize,
    /// Number of checkpoints to keep, not counting the best one.
    #[arg(long, value_name = "N", default_value_t = 2, help_heading = FILES)]
    pub(crate) save_total_limit: usize,
    /// Write the numbers of metrics.jsonl as an event file of TensorBoard too, in the folder tensorboard of `--out`.
    #[arg(long, help_heading = FILES)]
    pub(crate) tensorboard: bool,
    /// Start anew and remove the checkpoints of an earlier training.
    #[arg(long, help_heading = FILES)]
    pub(crate) no_resume: bool,
    /// Describe the training and estimate its time and memory from three steps. Nothing is written.
    #[arg(long, help_heading = FILES)]
    pub(crate) dry_run: bool,
    /// Train even if the estimated memory is more than is free.
    #[arg(long, help_heading = FILES)]
    pub(crate) no_memory_check: bool,
}
