//! Opening files and listing folders.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

use crate::fs::{FileError, FileKind};

/// Opens a file for reading.
///
/// # Errors
///
/// [`FileError::NotFound`], [`FileError::NotAFile`] for a folder, pipe or device, [`FileError::Io`].
pub fn open(path: &Path) -> Result<File, FileError> {
    let error = |source: std::io::Error| match source.kind() {
        ErrorKind::NotFound => FileError::NotFound { path: path.to_owned() },
        _ => FileError::io("read", path, source),
    };
    // Checked before opening, because opening a pipe waits for its writer and a device never ends.
    match fs::metadata(path).map_err(error)?.is_file() {
        true => File::open(path).map_err(error),
        false => Err(FileError::NotAFile { path: path.to_owned() }),
    }
}

/// The first bytes of an open file, enough to recognise its format; `path` is used in messages only.
///
/// # Errors
///
/// [`FileError::Io`].
pub fn read_head(path: &Path, file: &mut File) -> Result<Vec<u8>, FileError> {
    let mut head = Vec::new();
    file.take(512).read_to_end(&mut head).map_err(|source| FileError::io("read", path, source))?;
    Ok(head)
}

/// The text of a file.
///
/// # Errors
///
/// As [`open`], and [`FileError::NotText`], or [`FileError::WrongKind`] where the format is recognised.
pub fn read_text(path: &Path) -> Result<String, FileError> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes).map_err(|source| FileError::io("read", path, source))?;
    String::from_utf8(bytes).map_err(|error| {
        let not_text = FileError::NotText { path: path.to_owned(), at: error.utf8_error().valid_up_to() };
        wrong_kind(path, error.as_bytes()).unwrap_or(not_text)
    })
}

/// The error for a file that should be JSON and has another format; `None` if the format is not recognised.
pub fn wrong_kind(path: &Path, bytes: &[u8]) -> Option<FileError> {
    let kind = FileKind::recognise(bytes).filter(|kind| *kind != FileKind::Json);
    kind.map(|kind| FileError::WrongKind { path: path.to_owned(), kind })
}

/// The sorted names of a folder's entries; an empty list if the folder cannot be read.
pub fn file_names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
