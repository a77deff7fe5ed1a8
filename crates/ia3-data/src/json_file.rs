//! Small JSON and text files beside a model, which may be missing.

use std::path::Path;

use ia3_guard::{FileError, Limit, quote_path, read_text};
use serde::de::DeserializeOwned;

use crate::error::DataError;

/// The text of a file, if there is one.
pub(crate) fn text(path: &Path, limit: Limit) -> Result<Option<String>, DataError> {
    match read_text(path, limit) {
        Ok(text) => Ok(Some(text)),
        Err(FileError::NotFound { .. }) => Ok(None),
        Err(error) => Err(DataError::Read { path: path.into(), source: error.reason() }),
    }
}

/// The value in a JSON file, if there is one.
///
/// # Errors
///
/// [`DataError::Read`], and [`DataError::Tokenizer`] for JSON of another form.
pub(crate) fn value<T: DeserializeOwned>(path: &Path, limit: Limit) -> Result<Option<T>, DataError> {
    let parse = |text: String| serde_json::from_str(&text).map_err(|error| unusable(path, error.to_string()));
    text(path, limit)?.map(parse).transpose()
}

/// The error for a file of a tokenizer that has no use.
pub(crate) fn unusable(path: &Path, reason: String) -> DataError {
    DataError::Tokenizer { place: format!("cannot read {}", quote_path(path)), reason }
}
