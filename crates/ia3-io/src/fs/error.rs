use std::io;
use std::path::{Path, PathBuf};

use crate::fs::FileKind;

/// What can go wrong with a file or folder, whatever its format is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// There is no such file or folder.
    #[error("no such file or folder: `{}`; check the path", path.display())]
    NotFound {
        /// The path.
        path: PathBuf,
    },
    /// The operating system refused to read or write.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried, a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file was expected at the path.
    #[error("`{}` is not a file; check the path", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// A folder was expected at the path.
    #[error("`{}` is a file; give a folder to write into", path.display())]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// Another process writes into the folder.
    #[error(
        "{} writes into `{}`; wait until it ends, or choose another folder",
        process.map_or("another process".into(), |id| format!("the process {id}")),
        path.display()
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The id of the process, if its lock can be read.
        process: Option<u32>,
    },
    /// A file has another format than the one expected.
    #[error("`{}` {kind}; {}", path.display(), kind.advice())]
    WrongKind {
        /// The file.
        path: PathBuf,
        /// The format that its first bytes show.
        kind: FileKind,
    },
    /// A text file is not UTF-8.
    #[error("`{}` is not text: byte {at} is not valid UTF-8; download or copy it again", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// The first invalid byte.
        at: usize,
    },
}

impl FileError {
    /// The error for `action`, a verb, on `path`.
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }
}
