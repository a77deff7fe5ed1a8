//! `ia3 merge` and `ia3 quantize`, which write checkpoints.

use std::path::PathBuf;

use super::QuantizeName;

const MERGE: &str = "\
Example:
  ia3 merge --base fixtures/t5/base --adapter fixtures/t5/adapter \\
      --out merged --safe
  ia3 merge --gguf fixtures/gguf/llama.gguf --adapter fixtures/llama/adapter \\
      --out merged.gguf";

#[derive(clap::Args)]
#[command(after_help = MERGE)]
pub(crate) struct Merge {
    /// Folder of the base. Without it, the base is the folder that the first adapter names.
    #[arg(long, value_name = "DIR")]
    pub(crate) base: Option<PathBuf>,
    /// GGUF file of the base in place of a folder. Its block scales are multiplied; no integer is quantised again, and
    /// everything else of the file stays as it is.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["base", "safe"])]
    pub(crate) gguf: Option<PathBuf>,
    /// Compute the logits of this text before and after a merge into a GGUF file or a folder of GPTQ, AWQ, bitsandbytes or torchao, and
    /// print how far the merged weights are from the adapter on the dequantised base. The base needs a tokenizer.
    #[arg(long, value_name = "PROMPT")]
    pub(crate) check: Option<String>,
    /// Folder of an adapter. If the option is given several times, the vectors are multiplied.
    #[arg(long = "adapter", value_name = "DIR", required = true)]
    pub(crate) adapters: Vec<PathBuf>,
    /// Folder to write the merged checkpoint to; with --gguf the file.
    #[arg(long, value_name = "PATH")]
    pub(crate) out: PathBuf,
    /// Check merged weights for NaN and infinity before the first is written. Without it, they are checked while they are
    /// written.
    #[arg(long)]
    pub(crate) safe: bool,
    /// Write floats where GPTQ, AWQ, bitsandbytes or torchao quantised the weights of the base. Without it, their format is kept.
    #[arg(long, conflicts_with = "gguf")]
    pub(crate) dequantize: bool,
    /// Keep the integers of a base that another program quantised, and write a folder in this library's own format.
    #[arg(long, conflicts_with_all = ["gguf", "dequantize"])]
    pub(crate) keep_quantized: bool,
    /// Quantise those weights of a quantised base again into which the vectors cannot be merged exactly. The relative error of each
    /// is printed.
    #[arg(long, conflicts_with_all = ["safe", "dequantize"])]
    pub(crate) requantize: bool,
}

const QUANTIZE: &str = "\
Example:
  ia3 quantize --base examples/base --scheme int8 --out quantised";

#[derive(clap::Args)]
#[command(after_help = QUANTIZE)]
pub(crate) struct Quantize {
    /// Folder of the base.
    #[arg(long, value_name = "DIR")]
    pub(crate) base: PathBuf,
    /// Number of bits per weight.
    #[arg(long, value_enum, value_name = "BITS")]
    pub(crate) scheme: QuantizeName,
    /// Quantise the language-model head too. A head that shares its weight with the embedding gets its own weight.
    #[arg(long)]
    pub(crate) head: bool,
    /// Folder to write the quantised base to.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}
