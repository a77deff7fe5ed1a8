//! `ia3 push`.

use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Push {
    /// Folder of an adapter.
    pub(crate) adapter: PathBuf,
    /// Name on the hub. The repository is made if it does not exist. HF_TOKEN needs the right to write.
    #[arg(value_name = "OWNER/NAME")]
    pub(crate) name: String,
    /// Show a new repository to nobody else.
    #[arg(long)]
    pub(crate) private: bool,
    /// Message of the commit.
    #[arg(long, value_name = "TEXT", default_value = "Upload (IA)³ adapter")]
    pub(crate) message: String,
}
