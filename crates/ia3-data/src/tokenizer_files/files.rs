//! Reads the files of a folder.

use std::path::Path;

use ia3_guard::{FileError, Limit, read_bytes, read_text};

use crate::error::DataError;
use crate::json_file::unusable;
use crate::sentence_piece::SentencePiece;

pub(super) fn text(path: &Path) -> Result<String, DataError> {
    read_text(path, Limit::TOKENIZER).map_err(|error| unreadable(path, error))
}

/// A model of SentencePiece.
pub(super) fn model(path: &Path) -> Result<SentencePiece, DataError> {
    let bytes = read_bytes(path, Limit::TOKENIZER).map_err(|error| unreadable(path, error))?;
    SentencePiece::read(&bytes).map_err(|reason| unusable(path, reason))
}

pub(super) fn unreadable(path: &Path, error: FileError) -> DataError {
    unusable(path, error.reason().to_string())
}
