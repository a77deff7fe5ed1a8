//! `ia3 completions` and `ia3 man`.

use std::path::PathBuf;

use clap_complete::Shell;

const COMPLETIONS: &str = "\
Examples:
  ia3 completions bash > ia3.bash
  ia3 completions zsh > _ia3";

#[derive(clap::Args)]
#[command(after_help = COMPLETIONS)]
pub(crate) struct Completions {
    /// The shell to complete in.
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

const MAN: &str = "\
Example:
  ia3 man --out man";

#[derive(clap::Args)]
#[command(after_help = MAN)]
pub(crate) struct Man {
    /// Folder to write the pages to: ia3.1, and a page for each command.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}
