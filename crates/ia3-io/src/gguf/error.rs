use std::path::PathBuf;

use ia3_gguf::GgufError;
use ia3_guard::{few, quote, quote_path};

use crate::adapter::AdapterFileError;
use crate::fs::FileError;

/// Why an adapter cannot be merged into a GGUF file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GgufFileError {
    /// The GGUF file, or what the merge would do to it.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// The adapter.
    #[error(transparent)]
    Adapter(#[from] AdapterFileError),
    /// The merged file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The adapter replaces whole parameters.
    #[error(
        "the adapter `{}` replaces whole parameters (modules_to_save), which cannot be merged into a GGUF file: {}",
        quote_path(path), few(parameters.iter().map(|name| quote(name).into_owned()), ", ")
    )]
    Saved {
        /// The weights of the adapter.
        path: PathBuf,
        /// The parameters.
        parameters: Vec<String>,
    },
    /// The file to write is the one that is read.
    #[error("`{}` is the file to merge into, which would be destroyed; write another file", quote_path(path))]
    SameFile {
        /// The file.
        path: PathBuf,
    },
}
