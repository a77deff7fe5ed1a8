mod data;
mod train;

use std::path::PathBuf;

use clap::{ArgGroup, Parser, Subcommand, ValueEnum};

pub(crate) use self::data::DataArgs;
pub(crate) use self::train::{
    CausalLossName, LossArgs, MetricName, OptimizerName, PresetName, Train, UnlikelihoodName,
};

/// (IA)³ adapters: look at them, run them, train them, mix them, merge them, convert them.
///
/// Bases are Hugging Face folders (config.json, model.safetensors), adapters are PEFT folders
/// (adapter_config.json, adapter_model.safetensors).
#[derive(Parser)]
#[command(name = "ia3", version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Device by burn's name: flex, wgpu, vulkan, metal, webgpu, rocm, cuda, cpu; `cuda:1` is the second.
    #[arg(long, global = true, env = "BURN_DEVICE", value_name = "NAME")]
    pub(crate) device: Option<String>,
    /// How to report.
    #[arg(long, global = true, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Says what a base or an adapter is: sizes, targets, every site, statistics of the vectors.
    Inspect(Inspect),
    /// Runs a forward on tensors from a file and writes the logits.
    Forward(Forward),
    /// Generates text or ids, greedily or by sampling.
    Generate(Generate),
    /// Trains an adapter on lines of JSON: texts, choices of texts, or classes.
    Train(Box<Train>),
    /// Evaluates adapters, by each template in turn: loss, right answers, median and quartiles.
    Eval(Eval),
    /// Tells what (IA)³ costs on a model, beside full fine-tuning, LoRA and examples in the prompt.
    Cost(Cost),
    /// Folds adapters into the weights and writes a Hugging Face checkpoint.
    Merge(Merge),
    /// Writes a base with its linear layers in 8 or 4 bits, which every command loads as one.
    Quantize(Quantize),
    /// Mixes adapters into one adapter.
    Mix(Mix),
    /// Tells what two adapters differ in; exit code 1 says that they do.
    Diff(Diff),
    /// Tells what a set of adapters is, and what it makes of a base.
    Status(Status),
    /// Lists the devices that the backends of this build find, with their memory.
    Devices,
    /// Turns an adapter of PEFT, T-Few or AdapterHub into another of these formats, exactly or not at all.
    Convert(Convert),
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DtypeName {
    /// That of the base's file.
    Auto,
    Float32,
    /// Slower than float32 on the CPU.
    Bfloat16,
    Float16,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum QuantizeName {
    Int8,
    Int4,
}

#[derive(clap::Args)]
pub(crate) struct Inspect {
    /// Folder of a base or of an adapter.
    pub(crate) path: PathBuf,
    /// Also tell whether the adapter fits this base.
    #[arg(long, value_name = "DIR")]
    pub(crate) base: Option<PathBuf>,
}

/// The model to run: a base and the adapters on it.
#[derive(clap::Args)]
pub(crate) struct ModelArgs {
    /// Folder of the base.
    #[arg(long, value_name = "DIR")]
    pub(crate) base: PathBuf,
    /// Folder of an adapter; several multiply. NAME=DIR where `--rows` names them.
    #[arg(long = "adapter", value_name = "[NAME=]DIR")]
    pub(crate) adapters: Vec<PathBuf>,
    /// Fold the adapters into the weights before running.
    #[arg(long)]
    pub(crate) merge: bool,
    /// Quantise the base's linear layers when it is loaded; the adapters stay float32.
    #[arg(long, value_enum, value_name = "BITS")]
    pub(crate) quantize: Option<QuantizeName>,
    /// Quantise the language-model head too: faster generation, and logits as exact as integers are.
    #[arg(long, requires = "quantize")]
    pub(crate) quantize_head: bool,
    /// Compute in this dtype; the vectors stay float32.
    #[arg(long, value_enum, value_name = "DTYPE", default_value = "auto")]
    pub(crate) dtype: DtypeName,
    /// The adapter of each row of the input, by the names that `--adapter NAME=DIR` gives them; `__base__` is none.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', conflicts_with = "merge")]
    pub(crate) rows: Vec<String>,
}

#[derive(clap::Args)]
#[command(group = ArgGroup::new("source").required(true).args(["inputs", "texts"]))]
pub(crate) struct Forward {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    /// A safetensors file with `input_ids` and what else the model takes: `attention_mask`,
    /// `decoder_input_ids`, `decoder_attention_mask`, `token_type_ids`, `position_ids`.
    #[arg(long, value_name = "FILE")]
    pub(crate) inputs: Option<PathBuf>,
    /// A file with one text a line, through the base's tokenizer.json.
    #[arg(long, value_name = "FILE")]
    pub(crate) texts: Option<PathBuf>,
    /// Tokens of a text at most.
    #[arg(long, value_name = "N", requires = "texts")]
    pub(crate) max_input_tokens: Option<usize>,
    /// Texts a batch.
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub(crate) batch_size: usize,
    /// Only the logits at each row's last real token.
    #[arg(long)]
    pub(crate) last: bool,
    /// Where to write `logits` (float32).
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(clap::Args)]
#[command(group = ArgGroup::new("source").required(true).args(["prompt", "prompts", "inputs"]))]
pub(crate) struct Generate {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    /// Text to go on from, through the base's tokenizer.json.
    #[arg(long, value_name = "TEXT")]
    pub(crate) prompt: Option<String>,
    /// A file with one prompt a line.
    #[arg(long, value_name = "FILE")]
    pub(crate) prompts: Option<PathBuf>,
    /// A safetensors file with `input_ids` and `attention_mask`.
    #[arg(long, value_name = "FILE")]
    pub(crate) inputs: Option<PathBuf>,
    /// Tokens to generate at most.
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub(crate) max_new_tokens: usize,
    /// Tokens before which no row may end.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) min_new_tokens: usize,
    /// Draw tokens instead of taking the most probable one.
    #[arg(long)]
    pub(crate) sample: bool,
    /// Divides the logits; below 1 sharpens.
    #[arg(long, value_name = "T", default_value_t = 1.0, requires = "sample")]
    pub(crate) temperature: f64,
    /// Draw among this many most probable tokens.
    #[arg(long, value_name = "K", requires = "sample")]
    pub(crate) top_k: Option<usize>,
    /// Draw among the fewest most probable tokens that hold this share of the probability.
    #[arg(long, value_name = "P", default_value_t = 1.0, requires = "sample")]
    pub(crate) top_p: f64,
    /// Seed of the draws; row i of a batch has a stream of its own.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "sample")]
    pub(crate) seed: u64,
    /// Print the text as it is generated.
    #[arg(long, requires = "prompt")]
    pub(crate) stream: bool,
    /// Prompts a batch.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub(crate) batch_size: usize,
    /// Where to write `ids` (int64), decoder start or prompt included.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(clap::Args)]
pub(crate) struct Eval {
    /// Folder of the base, with tokenizer.json.
    #[arg(long, value_name = "DIR")]
    pub(crate) base: PathBuf,
    /// Folder of an adapter; several are evaluated one after the other. `{seed}` stands for each of `--seeds`.
    #[arg(long = "adapter", value_name = "DIR")]
    pub(crate) adapters: Vec<String>,
    /// Seeds that the adapters were trained with.
    #[arg(long, value_name = "N,…", value_delimiter = ',', requires = "adapters")]
    pub(crate) seeds: Vec<u64>,
    /// Lines of JSON to evaluate on, gzip or not.
    #[arg(long, value_name = "FILE")]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) rows: DataArgs,
    /// Rows a batch: examples, or their choices.
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub(crate) batch_size: usize,
    /// Exponent of a choice's length in its score.
    #[arg(long, value_name = "EXPONENT", default_value_t = 1.0)]
    pub(crate) length_norm: f64,
    /// Seed of what templates draw.
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub(crate) seed: u64,
}

#[derive(clap::Args)]
pub(crate) struct Cost {
    /// config.json of the base, or its folder; no weight is needed.
    #[arg(long, value_name = "PATH")]
    pub(crate) config: PathBuf,
    /// Modules to scale, as for `train`.
    #[arg(long = "target", value_name = "NAME")]
    pub(crate) targets: Vec<String>,
    /// Those of them whose input is scaled.
    #[arg(long = "feedforward", value_name = "NAME")]
    pub(crate) feedforward: Option<Vec<String>>,
    /// Tokens of an example, target included.
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub(crate) seq: usize,
    /// Examples a step.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub(crate) batch: usize,
    /// Steps.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) steps: usize,
    /// Rank of LoRA.
    #[arg(long, value_name = "R", default_value_t = 8)]
    pub(crate) lora_rank: usize,
    /// Examples in the prompt of in-context learning.
    #[arg(long, value_name = "K", default_value_t = 32)]
    pub(crate) shots: usize,
    /// Tokens of such an example; `--seq` if left out.
    #[arg(long, value_name = "N")]
    pub(crate) shot_tokens: Option<usize>,
    /// Bytes of a weight of the base.
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) weight_bytes: usize,
}

#[derive(clap::Args)]
pub(crate) struct Merge {
    /// Folder of the base.
    #[arg(long, value_name = "DIR")]
    pub(crate) base: PathBuf,
    /// Folder of an adapter; several multiply.
    #[arg(long = "adapter", value_name = "DIR", required = true)]
    pub(crate) adapters: Vec<PathBuf>,
    /// Folder to write the merged checkpoint to.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Refuse merged weights that are NaN or infinite.
    #[arg(long)]
    pub(crate) safe: bool,
    /// Of a quantised base, quantise anew the weights whose inputs are scaled, which do not merge exactly.
    #[arg(long, conflicts_with = "safe")]
    pub(crate) requantize: bool,
}

#[derive(clap::Args)]
pub(crate) struct Quantize {
    /// Folder of the base.
    #[arg(long, value_name = "DIR")]
    pub(crate) base: PathBuf,
    /// Bits of a weight.
    #[arg(long, value_enum, value_name = "BITS")]
    pub(crate) scheme: QuantizeName,
    /// The language-model head too, which stays float otherwise; one that is the embedding becomes a matrix of its own.
    #[arg(long)]
    pub(crate) head: bool,
    /// Folder to write the quantised base to.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MethodName {
    /// Σ w·l, PEFT's add_weighted_adapter.
    Linear,
    /// Π l, without weights.
    Product,
    /// 1 + Σ w·(l − 1).
    Identity,
    /// Π l^w.
    Geometric,
    /// Trim, elect a sign, average, on l − 1.
    Ties,
}

#[derive(clap::Args)]
pub(crate) struct Mix {
    /// Folder of an adapter; one for each to mix.
    #[arg(long = "adapter", value_name = "DIR", required = true)]
    pub(crate) adapters: Vec<PathBuf>,
    /// Weight of the adapter in the same place; one for each, none for a product.
    #[arg(long = "weight", value_name = "NUMBER", allow_negative_numbers = true)]
    pub(crate) weights: Vec<f32>,
    /// How to mix; an adapter that does not scale a layer counts as ones there.
    #[arg(long, value_enum, default_value = "linear")]
    pub(crate) method: MethodName,
    /// Share of each vector that `ties` keeps, from 0 to 1; 0.2 if left out, as in the paper.
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    pub(crate) density: Option<f64>,
    /// Folder of the base, to check that every adapter fits it.
    #[arg(long, value_name = "DIR")]
    pub(crate) base: Option<PathBuf>,
    /// Folder to write the mix to.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

#[derive(clap::Args)]
pub(crate) struct Diff {
    /// Folder of an adapter.
    pub(crate) a: PathBuf,
    /// Folder of another.
    pub(crate) b: PathBuf,
}

#[derive(clap::Args)]
#[command(group = ArgGroup::new("any").required(true).multiple(true).args(["folders", "adapters"]))]
pub(crate) struct Status {
    /// Folders of adapters; adapters in sub-folders, as `save_pretrained` writes them, count too.
    #[arg(value_name = "DIR")]
    pub(crate) folders: Vec<PathBuf>,
    /// The same.
    #[arg(long = "adapter", value_name = "DIR")]
    pub(crate) adapters: Vec<PathBuf>,
    /// Folder of a base: tell whether they fit it, and what the model with all of them is.
    #[arg(long, value_name = "DIR")]
    pub(crate) base: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum AdapterFormatName {
    /// A folder with adapter_config.json and adapter_model.safetensors.
    Peft,
    /// A file of torch.save, `multi_lora_b` in its keys.
    Tfew,
    /// A folder with adapter_config.json and pytorch_adapter.bin.
    Adapterhub,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum SiteName {
    /// The input of the last matrix, `wo` or `down_proj`.
    #[value(name = "wo")]
    Wo,
    /// The output of the matrix beside the gate, `wi_1` or `up_proj`.
    #[value(name = "wi_1")]
    Wi1,
}

#[derive(clap::Args)]
pub(crate) struct Convert {
    /// Folder or file of an adapter; its format is recognised.
    pub(crate) path: PathBuf,
    /// Format to write.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) to: AdapterFormatName,
    /// Folder to write, or for tfew the file; an adapter of that format is replaced.
    #[arg(long, value_name = "PATH")]
    pub(crate) out: PathBuf,
    /// Where the vectors of gated feed-forward blocks are to be; where they are without it, but `wi_1` for tfew and
    /// adapterhub, which have no other.
    #[arg(long, value_enum, value_name = "SITE")]
    pub(crate) site: Option<SiteName>,
    /// Folder or config.json of the base, where the names in the adapter do not say whether its blocks are gated.
    #[arg(long, value_name = "PATH")]
    pub(crate) base: Option<PathBuf>,
    /// Name of the base model for adapter_config.json.
    #[arg(long, value_name = "NAME")]
    pub(crate) base_name: Option<String>,
}
