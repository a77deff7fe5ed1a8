use std::io;
use std::path::{Path, PathBuf};

use crate::escape::quote_path;
use crate::file_kind::FileKind;
use crate::limit::Limit;

/// What can go wrong with a file or folder, whatever its format is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// There is no such file or folder.
    #[error("no such file or folder: `{}`; check the path", quote_path(path))]
    NotFound {
        /// The path.
        path: PathBuf,
    },
    /// The operating system refused to read or write.
    #[error("cannot {action} `{}`: {source}", quote_path(path))]
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
    #[error("`{}` is not a file; check the path", quote_path(path))]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// A file or a pipe was expected at the path.
    #[error("`{}` is neither a file nor a pipe; check the path", quote_path(path))]
    NotASource {
        /// The path.
        path: PathBuf,
    },
    /// A file is larger than any good one.
    #[error("`{}` is larger than the limit of {limit}; is it the right file?", quote_path(path))]
    TooLarge {
        /// The path.
        path: PathBuf,
        /// The limit.
        limit: Limit,
    },
    /// A folder was expected at the path.
    #[error("`{}` is a file; give a folder to write into", quote_path(path))]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// Another process writes into the folder.
    #[error(
        "{} writes into `{}`; wait until it ends, or choose another folder",
        process.map_or("another process".into(), |id| format!("the process {id}")),
        quote_path(path)
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The id of the process, if its lock can be read.
        process: Option<u32>,
    },
    /// A file has another format than the one expected.
    #[error("`{}` {kind}; {}", quote_path(path), kind.advice())]
    WrongKind {
        /// The file.
        path: PathBuf,
        /// The format that its first bytes show.
        kind: FileKind,
    },
    /// A text file is not UTF-8.
    #[error("`{}` is not text: byte {at} is not valid UTF-8; download or copy it again", quote_path(path))]
    NotText {
        /// The file.
        path: PathBuf,
        /// The first invalid byte.
        at: usize,
    },
}

impl FileError {
    /// What is wrong, as the error of the operating system that it is or could be, for a message that names the file itself.
    pub fn reason(self) -> io::Error {
        let problem = match self {
            Self::Io { source, .. } => return source,
            // The system's own code, and so its own words.
            Self::NotFound { .. } => return io::Error::from_raw_os_error(2),
            Self::NotAFile { .. } => "it is not a file".to_owned(),
            Self::NotASource { .. } => "it is neither a file nor a pipe".to_owned(),
            Self::TooLarge { limit, .. } => format!("it is larger than the limit of {limit}"),
            Self::NotAFolder { .. } => "it is not a folder".to_owned(),
            Self::InUse { .. } => "another process writes into it".to_owned(),
            Self::WrongKind { kind, .. } => format!("it {kind}; {}", kind.advice()),
            Self::NotText { at, .. } => format!("it is not text: byte {at} is not valid UTF-8"),
        };
        io::Error::other(problem)
    }

    /// The error for `action`, a verb, on `path`.
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }
}
