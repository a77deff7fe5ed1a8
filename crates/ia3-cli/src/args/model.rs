//! The model to run: a base and the adapters on it.

use std::path::PathBuf;

use clap::ValueEnum;

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

#[derive(clap::Args)]
pub(crate) struct ModelArgs {
    /// Folder of the base.
    #[arg(long, value_name = "DIR")]
    pub(crate) base: PathBuf,
    /// Folder of an adapter. If the option is given several times, the vectors are multiplied. With `--rows`, every
    /// adapter has a name: NAME=DIR.
    #[arg(long = "adapter", value_name = "[NAME=]DIR")]
    pub(crate) adapters: Vec<PathBuf>,
    /// Merge the adapters into the weights before the model runs.
    #[arg(long)]
    pub(crate) merge: bool,
    /// Quantise the linear layers of the base while it is loaded. The vectors stay float32.
    #[arg(long, value_enum, value_name = "BITS")]
    pub(crate) quantize: Option<QuantizeName>,
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
