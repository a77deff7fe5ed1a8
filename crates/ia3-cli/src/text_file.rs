//! Files of text that the command line names.

use std::path::Path;

use anyhow::Context;
use ia3_guard::{FileError, Limit, quote_path, read_source_text, read_text};

/// The text of a file or a pipe, such as `/dev/stdin`.
pub(crate) fn read(path: &Path, limit: Limit) -> anyhow::Result<String> {
    in_file(path, read_source_text(path, limit))
}

/// The text of a file that belongs to a model, which is no pipe.
pub(crate) fn read_of_model(path: &Path) -> anyhow::Result<String> {
    in_file(path, read_text(path, Limit::CONFIG))
}

fn in_file(path: &Path, text: Result<String, FileError>) -> anyhow::Result<String> {
    text.map_err(FileError::reason).with_context(|| format!("cannot read {}", quote_path(path)))
}
