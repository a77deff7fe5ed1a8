//! `ia3 forward`, `ia3 generate` and `ia3 chat`.

use std::path::PathBuf;

use clap::ArgGroup;

use super::model::base_folder;
use super::{DtypeName, GenerationArgs, ModelArgs};

const FORWARD_USAGE: &str = "\
ia3 forward --base <DIR> --inputs <FILE> --out <FILE> [OPTIONS]
       ia3 forward --base <DIR> --texts <FILE> --out <FILE> [OPTIONS]
       ia3 forward --base <DIR> --images <FILE>... --out <FILE> [OPTIONS]";

const FORWARD: &str = "\
Examples:
  ia3 forward --base fixtures/t5/base --adapter fixtures/t5/adapter \\
      --inputs fixtures/t5/io.safetensors --out logits.safetensors
  ia3 forward --base fixtures/gpt2/base --inputs fixtures/gpt2/io.safetensors \\
      --last --out last.safetensors";

#[derive(clap::Args)]
#[command(group = ArgGroup::new("source").required(true).args(["inputs", "texts", "images"]), override_usage = FORWARD_USAGE, after_help = FORWARD)]
pub(crate) struct Forward {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    /// Safetensors file with integer tensors of shape [batch, seq], or [batch, choices, seq] for multiple choice: `input_ids`, and the other inputs of the model
    /// (`input_features` [batch, bins, frames] in their place for a model of speech; `attention_mask`, `decoder_input_ids`, `decoder_attention_mask`, `token_type_ids`, `position_ids`).
    /// A model of images reads `pixel_values`, floats of shape [batch, channels, height, width].
    #[arg(long, value_name = "FILE")]
    pub(crate) inputs: Option<PathBuf>,
    /// File with one text per line, for the base's tokenizer.
    #[arg(long, value_name = "FILE")]
    pub(crate) texts: Option<PathBuf>,
    /// PNG or JPEG files, for a model of images. The base's preprocessor_config.json says how they become numbers.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) images: Vec<PathBuf>,
    /// File with the second text of each line of --texts, for a model that reads two.
    #[arg(long, value_name = "FILE", requires = "texts")]
    pub(crate) text_pairs: Option<PathBuf>,
    /// Largest number of tokens of a text, or of both; longer texts are truncated, the longer one of two first.
    #[arg(long, value_name = "N", requires = "texts")]
    pub(crate) max_input_tokens: Option<usize>,
    /// Number of texts or images per batch.
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

const GENERATE_USAGE: &str = "\
ia3 generate --base <DIR> --prompt <TEXT> [OPTIONS]
       ia3 generate --base <DIR> --prompts <FILE> [OPTIONS]
       ia3 generate --base <DIR> --user <TEXT> [--system <TEXT>] [OPTIONS]
       ia3 generate --base <DIR> --audio <FILE>... [OPTIONS]
       ia3 generate --base <DIR> --inputs <FILE> [OPTIONS]";

const GENERATE: &str = "\
Examples:
  ia3 generate --base examples/base --prompt 'date: 2009-05-31'
  ia3 generate --base examples/base --prompts prompts.txt --max-new-tokens 60
  ia3 generate --base examples/base --prompt 'number: 1234' \\
      --sample --top-p 0.9 --seed 1";

#[derive(clap::Args)]
#[command(group = ArgGroup::new("source").required(true).args(["prompt", "prompts", "inputs", "user", "audio"]), override_usage = GENERATE_USAGE, after_help = GENERATE)]
pub(crate) struct Generate {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    /// Prompt, for the base's tokenizer.
    #[arg(long, value_name = "TEXT")]
    pub(crate) prompt: Option<String>,
    /// What a user says to a chat model. The base's chat template makes the prompt, and only the answer is printed.
    #[arg(long, value_name = "TEXT")]
    pub(crate) user: Option<String>,
    /// What the system says before the user.
    #[arg(long, value_name = "TEXT", requires = "user")]
    pub(crate) system: Option<String>,
    /// File with one prompt per line.
    #[arg(long, value_name = "FILE")]
    pub(crate) prompts: Option<PathBuf>,
    /// WAV file of at most 30 seconds for a model of speech; repeatable. The text is what is said in it.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) audio: Vec<PathBuf>,
    /// Language of the sound, such as `en`. Without it, a model of several languages detects it.
    #[arg(long, value_name = "CODE", conflicts_with_all = ["prompt", "prompts", "user"])]
    pub(crate) language: Option<String>,
    /// What to write of the sound: `transcribe`, or `translate` for English.
    #[arg(long, value_name = "TASK", conflicts_with_all = ["prompt", "prompts", "user"])]
    pub(crate) task: Option<String>,
    /// Safetensors file with `input_ids` and `attention_mask`, padded on either side, or with `input_features`.
    #[arg(long, value_name = "FILE")]
    pub(crate) inputs: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) generation: GenerationArgs,
    /// Print the text while it is generated, one prompt after the other. With `--format json`, each piece is a line of JSON,
    /// and so is each whole text at its end.
    #[arg(long, conflicts_with_all = ["inputs", "audio"])]
    pub(crate) stream: bool,
    /// Number of prompts per batch.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub(crate) batch_size: usize,
    /// Safetensors file to write. It holds the tensor `ids` (int64), which includes the decoder start token or the prompt.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

const CHAT: &str = "\
Examples:
  ia3 chat --base SmolLM2-135M-Instruct
  ia3 chat --base SmolLM2-135M-Instruct --adapter pirate=adapters/pirate \\
      --system 'Answer in one sentence.'";

#[derive(clap::Args)]
#[command(after_help = CHAT)]
pub(crate) struct Chat {
    /// Folder of the base, with a tokenizer and a chat template. Without it, the base is the folder that the first adapter
    /// names.
    #[arg(long, value_name = "DIR", default_value = "", hide_default_value = true, value_parser = base_folder())]
    pub(crate) base: PathBuf,
    /// Folder of an adapter, with a name or under the name of the folder. The first one answers, until `/adapter NAME` or
    /// `/base` chooses another.
    #[arg(long = "adapter", value_name = "[NAME=]DIR")]
    pub(crate) adapters: Vec<PathBuf>,
    /// Keep the integers of the linear layers of a base that another program quantised (GGUF, GPTQ, AWQ, bitsandbytes and torchao
    /// in 8 bits), instead of decoding them to floats.
    #[arg(long)]
    pub(crate) keep_quantized: bool,
    /// What the system says before the conversation.
    #[arg(long, value_name = "TEXT")]
    pub(crate) system: Option<String>,
    /// Dtype of the computation. The vectors stay float32.
    #[arg(long, value_enum, value_name = "DTYPE", default_value = "auto")]
    pub(crate) dtype: DtypeName,
    #[command(flatten)]
    pub(crate) generation: GenerationArgs,
}
