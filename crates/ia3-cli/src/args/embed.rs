//! `ia3 embed`.

use std::path::PathBuf;

use clap::ValueEnum;

use super::ModelArgs;

/// How the tokens of a text become one vector.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PoolingName {
    /// The mean of all tokens.
    Mean,
    /// The first token.
    Cls,
    /// The last token.
    Last,
}

#[derive(clap::Args)]
pub(crate) struct Embed {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    /// File with one text per line, for the base's tokenizer.
    #[arg(long, value_name = "FILE")]
    pub(crate) texts: PathBuf,
    /// How the tokens of a text become one vector. The default is what the folder of a sentence-transformers model says, or
    /// the mean.
    #[arg(long, value_enum, value_name = "POOLING")]
    pub(crate) pooling: Option<PoolingName>,
    /// Scale every vector to length 1, which a folder of sentence-transformers may ask for too.
    #[arg(long)]
    pub(crate) normalize: bool,
    /// Largest number of tokens of a text; longer texts are truncated. The default is what the folder of a
    /// sentence-transformers model says.
    #[arg(long, value_name = "N")]
    pub(crate) max_input_tokens: Option<usize>,
    /// Number of texts per batch.
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub(crate) batch_size: usize,
    /// Safetensors file to write. It holds the tensor `embeddings` (float32), [texts, width].
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}
