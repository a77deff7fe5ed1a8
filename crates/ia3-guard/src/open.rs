//! Opening: the kind of a file is known before its first byte is read.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use crate::error::FileError;
use crate::limit::Limit;
use crate::pipe::Pipe;

/// Opens a regular file.
///
/// The kind is that of the open file, so another file cannot take its place between the check and the reading; opening does
/// not wait for the writer of a pipe.
///
/// # Errors
///
/// [`FileError::NotFound`], [`FileError::NotAFile`] for a folder, pipe or device, [`FileError::Io`].
pub fn open(path: &Path) -> Result<File, FileError> {
    let (file, kind) = open_any(path)?;
    match kind {
        Kind::File => Ok(file),
        Kind::Pipe | Kind::Other => Err(FileError::NotAFile { path: path.to_owned() }),
    }
}

/// What [`open_source`] opened.
#[derive(Debug)]
pub enum Source {
    /// A regular file.
    File(File),
    /// A pipe: standard input, or a process substitution of the shell.
    Pipe(Pipe),
}

/// Opens a regular file, or a pipe such as `/dev/stdin` and `<(command)`, of which at most `limit` is read.
///
/// # Errors
///
/// As [`open`]; a folder, a terminal and a device are no source.
pub fn open_source(path: &Path, limit: Limit) -> Result<Source, FileError> {
    let (file, kind) = open_any(path)?;
    match kind {
        Kind::File => Ok(Source::File(file)),
        Kind::Pipe => Ok(Source::Pipe(Pipe::new(file, limit))),
        Kind::Other => Err(FileError::NotASource { path: path.to_owned() }),
    }
}

impl Read for Source {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(bytes),
            Self::Pipe(pipe) => pipe.read(bytes),
        }
    }
}

enum Kind {
    File,
    Pipe,
    Other,
}

fn open_any(path: &Path) -> Result<(File, Kind), FileError> {
    let error = |source: io::Error| match source.kind() {
        ErrorKind::NotFound => FileError::NotFound { path: path.to_owned() },
        _ => FileError::io("read", path, source),
    };
    let file = options().open(path).map_err(|source| match path.is_dir() {
        // Some systems do not open a folder at all.
        true => FileError::NotAFile { path: path.to_owned() },
        false => error(source),
    })?;
    let kind = file.metadata().map_err(error)?.file_type();
    Ok((file, if kind.is_file() { Kind::File } else { pipe_or_other(kind) }))
}

#[cfg(unix)]
fn options() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    options
}

#[cfg(not(unix))]
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    options
}

#[cfg(unix)]
fn pipe_or_other(kind: std::fs::FileType) -> Kind {
    use std::os::unix::fs::FileTypeExt;
    if kind.is_fifo() || kind.is_socket() { Kind::Pipe } else { Kind::Other }
}

#[cfg(not(unix))]
fn pipe_or_other(_: std::fs::FileType) -> Kind {
    Kind::Other
}
