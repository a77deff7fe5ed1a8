//! The command line: one file per group of commands.

mod convert;
mod cost;
mod data;
mod embed;
mod eval;
mod generation;
mod inference;
mod inspect;
mod loss;
mod merge;
mod mix;
mod model;
mod places;
#[cfg(feature = "hub")]
mod push;
#[cfg(feature = "serve")]
mod serve;
mod shell;
#[cfg(feature = "serve")]
mod size;
mod train;

use clap::{Parser, Subcommand, ValueEnum};

pub(crate) use self::convert::{AdapterFormatName, Convert, SiteName};
pub(crate) use self::cost::Cost;
pub(crate) use self::data::DataArgs;
pub(crate) use self::embed::{Embed, PoolingName};
pub(crate) use self::eval::{Eval, FigureName};
pub(crate) use self::generation::GenerationArgs;
pub(crate) use self::inference::{Chat, Forward, Generate};
pub(crate) use self::inspect::{Diff, Inspect, Status};
pub(crate) use self::loss::{CausalLossName, LossArgs, UnlikelihoodName};
pub(crate) use self::merge::{Merge, Quantize};
pub(crate) use self::mix::{MethodName, Mix};
pub(crate) use self::model::{DtypeName, HeadArgs, HeadName, ModelArgs, ProblemName, QuantizeName};
#[cfg(feature = "hub")]
pub(crate) use self::push::Push;
#[cfg(feature = "serve")]
pub(crate) use self::serve::{LogFormat, Serve};
pub(crate) use self::shell::{Completions, Man};
pub(crate) use self::train::{MetricName, OptimizerName, PresetName, Train};

/// Train, evaluate, run, merge, mix, inspect and convert (IA)³ adapters.
///
/// A base model is a Hugging Face folder with config.json and model.safetensors, and for texts a tokenizer. An adapter
/// is a PEFT folder with adapter_config.json and adapter_model.safetensors. Both may be names on the Hugging Face Hub instead:
/// OWNER/NAME or OWNER/NAME@REVISION.
#[derive(Parser)]
#[command(name = "ia3", version, after_help = EXAMPLES, term_width = 80)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Device to compute on: flex (the CPU), wgpu, vulkan, metal, webgpu, rocm, cuda or cpu. `cuda:1` is the second GPU.
    /// The default is the best device of the backends that are compiled in.
    #[arg(long, global = true, env = "BURN_DEVICE", value_name = "NAME")]
    pub(crate) device: Option<String>,
    /// Print no notes and no progress; reports and errors stay.
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print how long each phase took.
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
    /// Format of the report on standard output.
    #[arg(long, global = true, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

const EXAMPLES: &str = "\
Examples:
  ia3 train --base examples/base --data train.jsonl --eval test.jsonl \\
      --steps 100 --out adapter
  ia3 generate --base examples/base --adapter adapter \\
      --prompt 'date: 2009-05-31'
  ia3 inspect adapter --base examples/base
`ia3 COMMAND --help` describes the options of a command and shows examples.";

/// Format of a report.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Describe a base or an adapter: sizes, target modules, and statistics of every vector.
    Inspect(Inspect),
    /// Compute the logits of token ids or texts and write them to a file.
    Forward(Forward),
    /// Embed texts: one vector per text, as a sentence-transformers model gives it.
    Embed(Embed),
    /// Generate text or token ids, greedily or by sampling.
    Generate(Generate),
    /// Talk with a chat model in the terminal, and switch its adapters.
    Chat(Chat),
    /// Serve a base and many adapters over HTTP, with OpenAI's protocol.
    #[cfg(feature = "serve")]
    Serve(Serve),
    /// Train an adapter, or one adapter for each of several tasks, on JSON lines.
    Train(Box<Train>),
    /// Evaluate a base or adapters: loss, and accuracy or exact match, with median and quartiles.
    Eval(Eval),
    /// Compare the cost of (IA)³ with LoRA, full fine-tuning and in-context learning.
    Cost(Cost),
    /// Merge adapters into the weights of a base and write a Hugging Face checkpoint.
    Merge(Merge),
    /// Quantise the linear layers of a base to 8 or 4 bits and write a checkpoint.
    Quantize(Quantize),
    /// Mix several adapters into one adapter.
    Mix(Mix),
    /// Compare two adapters. The exit code is 1 if they differ.
    Diff(Diff),
    /// List adapters, and check whether they fit a base.
    Status(Status),
    /// Upload an adapter with its model card to the Hugging Face Hub.
    #[cfg(feature = "hub")]
    Push(Push),
    /// List the devices of this build with their memory.
    #[command(after_help = "Example:\n  ia3 devices")]
    Devices,
    /// Print the completions of a shell.
    Completions(Completions),
    /// Write the manual pages.
    Man(Man),
    /// Convert an adapter between the formats of PEFT, T-Few and AdapterHub.
    Convert(Convert),
}
