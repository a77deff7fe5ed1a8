use std::path::{Path, PathBuf};

use ia3_guard::{FileError, first_few, quote, quote_path};

use crate::problem::{PickleProblem, TorchProblem};

/// What can go wrong with a file of `torch.save`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TorchError {
    /// A file or folder cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is not a PyTorch file.
    #[error("`{}` is not a PyTorch file, expected a zip archive that `torch.save` wrote", quote_path(path))]
    NotTorch {
        /// The file.
        path: PathBuf,
    },
    /// A PyTorch file has the format before version 1.6, which is not a zip archive.
    #[error(
        "`{}` is a bare pickle, the format of PyTorch before 1.6; load it in Python and save it again with `torch.save`",
        quote_path(path)
    )]
    OldTorch {
        /// The file.
        path: PathBuf,
    },
    /// The zip archive of a PyTorch file cannot be read.
    #[error("the zip archive `{}` cannot be read: {source}; download or copy it again", quote_path(path))]
    Zip {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: zip::result::ZipError,
    },
    /// A zip archive is not a PyTorch file.
    #[error(
        "the zip archive `{}` holds no data.pkl, so `torch.save` did not write it; found {}",
        quote_path(path),
        if found.is_empty() { "nothing".into() } else { first_few(found) }
    )]
    NoPickle {
        /// The file.
        path: PathBuf,
        /// Its entries.
        found: Vec<String>,
    },
    /// An entry of a PyTorch file is compressed or encrypted.
    #[error(
        "the entry `{entry}` of `{}` is {found}, expected it uncompressed; save the file with `torch.save`",
        quote_path(path),
        entry = quote(entry),
        found = quote(found)
    )]
    NotStored {
        /// The file.
        path: PathBuf,
        /// The entry.
        entry: String,
        /// How it is stored.
        found: String,
    },
    /// An entry of a PyTorch file is too long.
    #[error(
        "the entry `{entry}` of `{}` has {found} bytes, expected {limit} at most",
        quote_path(path),
        entry = quote(entry)
    )]
    EntryLength {
        /// The file.
        path: PathBuf,
        /// The entry.
        entry: String,
        /// Its bytes.
        found: u64,
        /// The bytes it may have.
        limit: u64,
    },
    /// An entry of a PyTorch file ends too early.
    #[error(
        "the entry `{entry}` of `{}` has {found} bytes, expected {expected}; it is truncated, download or copy it again",
        quote_path(path),
        entry = quote(entry)
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// The entry.
        entry: String,
        /// The bytes it should have.
        expected: u64,
        /// The bytes it has.
        found: u64,
    },
    /// A PyTorch file was written on a machine of another byte order.
    #[error(
        "`{}` has the byte order {found}, expected little; save it again on a little-endian machine",
        quote_path(path),
        found = quote(found)
    )]
    ByteOrder {
        /// The file.
        path: PathBuf,
        /// The byte order.
        found: String,
    },
    /// The pickle of a PyTorch file holds something else than a dictionary of tensors.
    #[error(
        "the pickle of `{}` {problem} (byte {at}); only dictionaries of tensors are read and no code is run; \
         save one with `torch.save`",
        quote_path(path)
    )]
    Pickle {
        /// The file.
        path: PathBuf,
        /// The byte of the pickle at which reading ended.
        at: usize,
        /// What is wrong with it.
        problem: PickleProblem,
    },
    /// A key of a PyTorch file appears twice.
    #[error("`{}` holds the key `{key}` twice; save it again", quote_path(path), key = quote(key))]
    DuplicateKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// A tensor of a PyTorch file cannot be read.
    #[error("the tensor `{tensor}` of `{}` {problem}", quote_path(path), tensor = quote(tensor))]
    Tensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// What is wrong with it.
        problem: TorchProblem,
    },
}

impl TorchError {
    pub(crate) fn tensor(path: &Path, tensor: &str, problem: TorchProblem) -> Self {
        Self::Tensor { path: path.to_owned(), tensor: tensor.to_string(), problem }
    }
}
