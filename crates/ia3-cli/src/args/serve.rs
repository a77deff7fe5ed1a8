//! `ia3 serve`.

use std::net::IpAddr;
use std::path::PathBuf;

use burn::tensor::DType;
use clap::ValueEnum;

use super::model::base_folder;
use super::{DtypeName, QuantizeName};

const SERVE: &str = "\
Examples:
  ia3 serve --base SmolLM2-135M-Instruct --adapters adapters
  ia3 serve --base all-MiniLM-L6-v2 --adapters adapters --max-adapters 10000
  IA3_API_KEY=secret ia3 serve --base SmolLM2-135M-Instruct \\
      --adapters adapters --host 0.0.0.0 --rows 64";

/// In what the vectors of adapters are kept.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AdapterDtype {
    Float32,
    /// Half of the memory. Near 1, where the vectors are, it has steps of 0.001.
    Float16,
    /// Half of the memory. Near 1 it has steps of 0.008.
    Bfloat16,
}

impl From<AdapterDtype> for DType {
    fn from(dtype: AdapterDtype) -> Self {
        match dtype {
            AdapterDtype::Float32 => Self::F32,
            AdapterDtype::Float16 => Self::F16,
            AdapterDtype::Bfloat16 => Self::BF16,
        }
    }
}

#[derive(clap::Args)]
#[command(after_help = SERVE)]
pub(crate) struct Serve {
    /// Folder of the base: a language model, a classifier of texts, or an encoder for embeddings.
    #[arg(long, value_name = "DIR", value_parser = base_folder())]
    pub(crate) base: PathBuf,
    /// Folder whose subfolders are adapters. Each is a model under its own name. What is added, changed or removed counts from the
    /// next request on.
    #[arg(long, value_name = "DIR")]
    pub(crate) adapters: Option<PathBuf>,
    /// Name of the base as a model. The default is the name of its folder.
    #[arg(long, value_name = "NAME")]
    pub(crate) model_name: Option<String>,
    /// Address to listen on. One that other machines reach needs a key.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(crate) host: IpAddr,
    /// Port to listen on; 0 takes a free one.
    #[arg(long, value_name = "N", default_value_t = 8000)]
    pub(crate) port: u16,
    /// Key that requests have to have. Other programs can see the arguments of this one, so give it in the environment.
    #[arg(long, value_name = "KEY", env = "IA3_API_KEY", hide_env_values = true)]
    pub(crate) api_key: Option<String>,
    /// Requests that run at the same time. The default is 16, or with --max-memory as many as fit, up to 256.
    #[arg(long, value_name = "N")]
    pub(crate) rows: Option<usize>,
    /// Tokens of a request and its answer together, or of each of them for an encoder-decoder. The keys and values of rows times
    /// tokens are kept in memory.
    #[arg(long, value_name = "N", default_value_t = 2048)]
    pub(crate) tokens: usize,
    /// Memory for the keys and values, such as 8GiB. As many rows run at the same time as fit into it, up to --rows.
    #[arg(long, value_name = "SIZE", value_parser = super::size::size)]
    pub(crate) max_memory: Option<u64>,
    /// Tokens that one pass of the model reads at most. Answers take one for each row, and prompts the rest.
    #[arg(long, value_name = "N", default_value_t = 128)]
    pub(crate) pass_tokens: usize,
    /// Tokens of a batch of texts that one pass embeds or classifies. A longer text is a batch of its own.
    #[arg(long, value_name = "N", default_value_t = 2048)]
    pub(crate) batch_tokens: usize,
    /// Requests that wait at most. Others are told to come again.
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub(crate) queue: usize,
    /// Adapters in memory. The one that nobody has used for longest gives its place to another.
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub(crate) max_adapters: usize,
    /// Dtype in which the vectors of adapters are kept in memory. They are computed with in float32.
    #[arg(long, value_enum, value_name = "DTYPE", default_value = "float32")]
    pub(crate) adapter_dtype: AdapterDtype,
    /// Let requests name adapters on the Hugging Face Hub, OWNER/NAME or OWNER/NAME@REVISION, which are downloaded when a request
    /// first names them.
    #[cfg(feature = "hub")]
    #[arg(long)]
    pub(crate) hub_adapters: bool,
    /// Let requests load and unload adapters of the folder (/v1/load_adapter, /v1/unload_adapter).
    #[arg(long, requires = "adapters")]
    pub(crate) allow_loading: bool,
    /// Write a line to standard error for each request: as text or as JSON.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) log: Option<LogFormat>,
    /// Bytes of the body of a request at most.
    #[arg(long, value_name = "N", default_value_t = 2 << 20)]
    pub(crate) body_limit: usize,
    /// Connections at a time. A further one takes the place of the one that has waited longest for a
    /// request. A client that takes more than 30 seconds to ask, or to take anything of its answer, loses its connection.
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_connections: u32,
    /// Dtype of the computation. The vectors stay float32.
    #[arg(long, value_enum, value_name = "DTYPE", default_value = "auto")]
    pub(crate) dtype: DtypeName,
    /// Quantise the linear layers of the base while it is loaded. The vectors stay float32.
    #[arg(long, value_enum, value_name = "BITS", group = "integers")]
    pub(crate) quantize: Option<QuantizeName>,
    /// Keep the integers of the linear layers of a base that another program quantised (GGUF, GPTQ, AWQ, bitsandbytes and torchao
    /// in 8 bits), instead of decoding them to floats.
    #[arg(long, group = "integers")]
    pub(crate) keep_quantized: bool,
    /// Multiply the integers of a quantised base with activations in 8 bits. Generation gets faster, and the logits less
    /// exact.
    #[arg(long, requires = "integers")]
    pub(crate) fast_integers: bool,
}

/// How lines about requests are written.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum LogFormat {
    /// `time level request method=… path=… status=… seconds=… request_id=…`.
    Text,
    /// One JSON object on each line.
    Json,
}
