//! `ia3 cost`.

use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  ia3 cost --config fixtures/t5/base/config.json
  ia3 cost --config fixtures/t5/base --target k,v,wi \\
      --feedforward '' --seq 103 --lora-rank 4";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Cost {
    /// The config.json of the base, or its folder. No weight is read.
    #[arg(long, value_name = "PATH")]
    pub(crate) config: PathBuf,
    /// Modules to scale, as for `ia3 train`.
    #[arg(long = "target", value_name = "NAME")]
    pub(crate) targets: Vec<String>,
    /// Those of the target modules whose input is scaled.
    #[arg(long = "feedforward", value_name = "NAME")]
    pub(crate) feedforward: Option<Vec<String>>,
    /// Number of tokens per example, with its target. A model of images has the tokens of an image.
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub(crate) seq: usize,
    /// Number of examples per step.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub(crate) batch: usize,
    /// Number of steps.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) steps: usize,
    /// Rank of LoRA.
    #[arg(long, value_name = "R", default_value_t = 8)]
    pub(crate) lora_rank: usize,
    /// Number of examples in the prompt of in-context learning.
    #[arg(long, value_name = "K", default_value_t = 32)]
    pub(crate) shots: usize,
    /// Number of tokens per example in the prompt. The default is the value of `--seq`.
    #[arg(long, value_name = "N")]
    pub(crate) shot_tokens: Option<usize>,
    /// Number of bytes per weight of the base.
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) weight_bytes: usize,
}
