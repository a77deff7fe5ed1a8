//! `ia3 forward` and `ia3 generate`.

use std::path::PathBuf;

use clap::ArgGroup;

use super::ModelArgs;

const FORWARD: &str = "\
Examples:
  ia3 forward --base fixtures/t5/base --adapter fixtures/t5/adapter --inputs fixtures/t5/io.safetensors --out logits.safetensors
  ia3 forward --base fixtures/gpt2/base --inputs fixtures/gpt2/io.safetensors --last --out last.safetensors";

#[derive(clap::Args)]
#[command(group = ArgGroup::new("source").required(true).args(["inputs", "texts"]), after_help = FORWARD)]
pub(crate) struct Forward {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    /// Safetensors file with integer tensors of shape [batch, seq]: `input_ids`, and the other inputs of the model
    /// (`attention_mask`, `decoder_input_ids`, `decoder_attention_mask`, `token_type_ids`, `position_ids`).
    #[arg(long, value_name = "FILE")]
    pub(crate) inputs: Option<PathBuf>,
    /// File with one text per line, for the base's tokenizer.json.
    #[arg(long, value_name = "FILE")]
    pub(crate) texts: Option<PathBuf>,
    /// Largest number of tokens of a text; longer texts are truncated.
    #[arg(long, value_name = "N", requires = "texts")]
    pub(crate) max_input_tokens: Option<usize>,
    /// Number of texts per batch.
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub(crate) batch_size: usize,
    /// Compute only the logits at the last token of each row that is not padding.
    #[arg(long)]
    pub(crate) last: bool,
    /// Safetensors file to write. It holds the tensor `logits` (float32); `start_logits` and `end_logits` for question answering,
    /// and `last_hidden_state` without a head.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

const GENERATE: &str = "\
Examples:
  ia3 generate --base examples/base --prompt 'date: 2009-05-31'
  ia3 generate --base examples/base --prompts prompts.txt --max-new-tokens 60
  ia3 generate --base examples/base --prompt 'number: 1234' --sample --top-p 0.9 --seed 1";

#[derive(clap::Args)]
#[command(group = ArgGroup::new("source").required(true).args(["prompt", "prompts", "inputs"]), after_help = GENERATE)]
pub(crate) struct Generate {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    /// Prompt, for the base's tokenizer.json.
    #[arg(long, value_name = "TEXT")]
    pub(crate) prompt: Option<String>,
    /// File with one prompt per line.
    #[arg(long, value_name = "FILE")]
    pub(crate) prompts: Option<PathBuf>,
    /// Safetensors file with `input_ids` and `attention_mask`, padded on either side.
    #[arg(long, value_name = "FILE")]
    pub(crate) inputs: Option<PathBuf>,
    /// Largest number of tokens to generate.
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub(crate) max_new_tokens: usize,
    /// Smallest number of tokens to generate before a row may end.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) min_new_tokens: usize,
    /// Sample tokens instead of taking the most probable one.
    #[arg(long)]
    pub(crate) sample: bool,
    /// Number that the logits are divided by. Values below 1 make probable tokens more probable.
    #[arg(long, value_name = "T", default_value_t = 1.0, requires = "sample")]
    pub(crate) temperature: f64,
    /// Sample among the K most probable tokens.
    #[arg(long, value_name = "K", requires = "sample")]
    pub(crate) top_k: Option<usize>,
    /// Sample among the smallest set of most probable tokens whose probabilities sum to P.
    #[arg(long, value_name = "P", default_value_t = 1.0, requires = "sample")]
    pub(crate) top_p: f64,
    /// Seed of the sampling. Every row of a batch has its own stream of random numbers.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "sample")]
    pub(crate) seed: u64,
    /// Print the text while it is generated.
    #[arg(long, requires = "prompt")]
    pub(crate) stream: bool,
    /// Number of prompts per batch.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub(crate) batch_size: usize,
    /// Safetensors file to write. It holds the tensor `ids` (int64), which includes the decoder start token or the prompt.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}
