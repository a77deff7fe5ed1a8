//! The model to run: a base and the adapters on it.

use std::path::PathBuf;

use clap::ValueEnum;
use clap::builder::{OsStringValueParser, TypedValueParser};

/// The parser of `--base`. An empty path means that the option is not given; `commands::base_folder` fills it in.
pub(super) fn base_folder() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DtypeName {
    /// The dtype of the base's file; on the CPU, float32 with the weights in the dtype of the file.
    Auto,
    Float32,
    /// PEFT's own arithmetic on such a base. Slower than `auto` on a CPU.
    Bfloat16,
    Float16,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum QuantizeName {
    Int8,
    Int4,
}

/// The head of an encoder.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HeadName {
    /// A class, several classes or numbers for each input.
    SequenceClassification,
    /// A class for each token.
    TokenClassification,
    /// The start and the end of a span.
    QuestionAnswering,
    /// The tokens that a mask hides.
    MaskedLm,
    /// One of several inputs.
    MultipleChoice,
    /// No head: the hidden states.
    FeatureExtraction,
}

/// What a classifier of sequences answers.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProblemName {
    /// One class.
    SingleLabel,
    /// Any number of classes.
    MultiLabel,
    /// Numbers.
    Regression,
}

#[derive(clap::Args)]
pub(crate) struct HeadArgs {
    /// Head of an encoder, or of a classifier. The default is that of the adapter's task, or that of `architectures` in
    /// config.json.
    #[arg(long, value_enum, value_name = "HEAD")]
    pub(crate) head: Option<HeadName>,
    /// What a classifier of sequences answers. The default is `problem_type` of config.json; without it, one label is a
    /// regression, and several labels are one class.
    #[arg(long, value_enum, value_name = "KIND")]
    pub(crate) problem_type: Option<ProblemName>,
}

#[derive(clap::Args)]
pub(crate) struct ModelArgs {
    /// Folder of the base. Without it, the base is the folder that the first adapter names.
    #[arg(long, value_name = "DIR", default_value = "", hide_default_value = true, value_parser = base_folder())]
    pub(crate) base: PathBuf,
    /// Folder of an adapter. If the option is given several times, the vectors are multiplied. With `--rows`, every
    /// adapter has a name: NAME=DIR.
    #[arg(long = "adapter", value_name = "[NAME=]DIR")]
    pub(crate) adapters: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) head: HeadArgs,
    /// Merge the adapters into the weights before the model runs.
    #[arg(long)]
    pub(crate) merge: bool,
    /// Quantise the linear layers of the base while it is loaded. The vectors stay float32.
    #[arg(long, value_enum, value_name = "BITS")]
    pub(crate) quantize: Option<QuantizeName>,
    /// Keep the integers of the linear layers of a base that another program quantised (GGUF, GPTQ, AWQ, bitsandbytes and torchao
    /// in 8 bits), instead of decoding them to floats.
    #[arg(long, conflicts_with = "quantize")]
    pub(crate) keep_quantized: bool,
    /// Quantise the language-model head too. Generation gets faster, and the logits less exact.
    #[arg(long, requires = "quantize")]
    pub(crate) quantize_head: bool,
    /// Multiply the integers of a quantised base with activations in 8 bits. Generation gets faster, and the logits less
    /// exact. The default multiplies floats.
    #[arg(long)]
    pub(crate) fast_integers: bool,
    /// Dtype of the computation. The vectors stay float32.
    #[arg(long, value_enum, value_name = "DTYPE", default_value = "auto")]
    pub(crate) dtype: DtypeName,
    /// Adapter of each row of the input, by the names in `--adapter NAME=DIR`. The name `__base__` means no adapter.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', conflicts_with = "merge")]
    pub(crate) rows: Vec<String>,
}
