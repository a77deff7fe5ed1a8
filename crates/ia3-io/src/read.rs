//! Opening files and listing folders.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

use crate::error::IoError;
use crate::foreign::Foreign;

/// Opens a file for reading.
pub(crate) fn open(path: &Path) -> Result<File, IoError> {
    let error = |source: std::io::Error| match source.kind() {
        ErrorKind::NotFound => IoError::NotFound { path: path.to_owned() },
        _ => IoError::io("read", path, source),
    };
    // Asked before opening: to open a pipe would wait for its writer, and a device never ends.
    match fs::metadata(path).map_err(error)?.is_file() {
        true => File::open(path).map_err(error),
        false => Err(IoError::NotAFile { path: path.to_owned() }),
    }
}

/// The first bytes of a file, enough to recognise its format.
pub(crate) fn head(path: &Path, file: &mut File) -> Result<Vec<u8>, IoError> {
    let mut head = Vec::new();
    file.take(512).read_to_end(&mut head).map_err(|source| IoError::io("read", path, source))?;
    Ok(head)
}

/// A text file.
pub(crate) fn text(path: &Path) -> Result<String, IoError> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes).map_err(|source| IoError::io("read", path, source))?;
    String::from_utf8(bytes).map_err(|error| {
        let not_text = IoError::NotText { path: path.to_owned(), at: error.utf8_error().valid_up_to() };
        not_json(path, error.as_bytes()).unwrap_or(not_text)
    })
}

/// What a file that is not valid JSON is instead, if that can be told.
pub(crate) fn not_json(path: &Path, bytes: &[u8]) -> Option<IoError> {
    let kind = Foreign::recognise(bytes).filter(|kind| *kind != Foreign::Json);
    kind.map(|kind| IoError::Foreign { path: path.to_owned(), kind })
}

/// The names in a folder, sorted; none where it cannot be listed.
pub(crate) fn listing(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
