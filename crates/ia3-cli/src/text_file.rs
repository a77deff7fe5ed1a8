//! Files of text that the command line names.

use std::path::{Path, PathBuf};

use anyhow::Context;
use ia3_guard::{FileError, Limit, quote_path, read_source_text, read_text};

/// The file that a path of the command line means: `-` is the standard input.
pub(crate) fn source(path: &Path) -> PathBuf {
    if path.as_os_str() == "-" { "/dev/stdin".into() } else { path.to_owned() }
}

/// The text of a file or a pipe, such as `/dev/stdin`, or `-`, which means the same.
pub(crate) fn read(path: &Path, limit: Limit) -> anyhow::Result<String> {
    in_file(path, read_source_text(&source(path), limit))
}

/// The text of a file that belongs to a model, which is no pipe.
pub(crate) fn read_of_model(path: &Path) -> anyhow::Result<String> {
    in_file(path, read_text(path, Limit::CONFIG))
}

fn in_file(path: &Path, text: Result<String, FileError>) -> anyhow::Result<String> {
    text.map_err(FileError::reason).with_context(|| format!("cannot read {}", quote_path(path)))
}
