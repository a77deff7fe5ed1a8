//! The loss of a training.

use clap::ValueEnum;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UnlikelihoodName {
    /// −log(1 − p + 0.01) of the authors' program, with a constant for masked positions.
    Authors,
    /// −log(1 − p) of the paper.
    Paper,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CausalLossName {
    /// The tokens of the target.
    Target,
    /// The tokens of the input and of the target.
    All,
}

#[derive(clap::Args)]
#[command(next_help_heading = "Loss")]
pub(crate) struct LossArgs {
    /// Weight of the length-normalised loss over answer choices [default: 1, or 0 for pre-training].
    #[arg(long, value_name = "WEIGHT", allow_negative_numbers = true)]
    pub(crate) mc_loss: Option<f64>,
    /// Weight of the unlikelihood loss of wrong answer choices [default: 1, or 0 for pre-training].
    #[arg(long, value_name = "WEIGHT", allow_negative_numbers = true)]
    pub(crate) unlikely_loss: Option<f64>,
    /// Form of the unlikelihood loss.
    #[arg(long, value_enum, default_value = "authors")]
    pub(crate) unlikelihood: UnlikelihoodName,
    /// Exponent of the number of tokens by which the score of an answer choice is divided.
    #[arg(long, value_name = "EXPONENT", default_value_t = 1.0, allow_negative_numbers = true)]
    pub(crate) length_norm: f64,
    /// Tokens that the loss of a decoder-only model counts.
    #[arg(long, value_enum, default_value = "target")]
    pub(crate) causal_loss: CausalLossName,
}
