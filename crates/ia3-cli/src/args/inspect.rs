//! `ia3 inspect`, `ia3 diff` and `ia3 status`, which describe adapters.

use std::path::PathBuf;

use clap::ArgGroup;

const INSPECT: &str = "\
Examples:
  ia3 inspect fixtures/t5/base
  ia3 inspect fixtures/t5/adapter --base fixtures/t5/base
  ia3 inspect fixtures/gguf/llama.gguf";

#[derive(clap::Args)]
#[command(after_help = INSPECT)]
pub(crate) struct Inspect {
    /// Folder of a base or of an adapter, the weight file of an adapter, the config.json of a base, or a GGUF file.
    pub(crate) path: PathBuf,
    /// Folder of a base, to check whether the adapter fits it. The exit code is 1 if it does not.
    #[arg(long, value_name = "DIR")]
    pub(crate) base: Option<PathBuf>,
}

const DIFF: &str = "\
Example:
  ia3 diff fixtures/t5/adapter fixtures/t5/adapter_b";

#[derive(clap::Args)]
#[command(after_help = DIFF)]
pub(crate) struct Diff {
    /// Folder of the first adapter.
    pub(crate) a: PathBuf,
    /// Folder of the second adapter.
    pub(crate) b: PathBuf,
}

const STATUS: &str = "\
Example:
  ia3 status --base fixtures/t5/base fixtures/t5/adapter \\
      fixtures/t5/adapter_b";

#[derive(clap::Args)]
#[command(group = ArgGroup::new("any").required(true).multiple(true).args(["folders", "adapters"]), after_help = STATUS)]
pub(crate) struct Status {
    /// Folders of adapters. Adapters in sub-folders, as `save_pretrained` writes them, are listed too.
    #[arg(value_name = "DIR")]
    pub(crate) folders: Vec<PathBuf>,
    /// Folder of an adapter, the same as a positional DIR.
    #[arg(long = "adapter", value_name = "DIR")]
    pub(crate) adapters: Vec<PathBuf>,
    /// Folder of a base. Reports whether every adapter fits it, and the status of the model with all adapters. The exit
    /// code is 1 if an adapter does not fit.
    #[arg(long, value_name = "DIR")]
    pub(crate) base: Option<PathBuf>,
}
