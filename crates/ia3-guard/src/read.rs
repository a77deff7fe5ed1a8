//! Reading whole files, and listing folders.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use crate::error::FileError;
use crate::file_kind::FileKind;
use crate::limit::Limit;
use crate::open::{Source, open, open_source};

/// The bytes of a regular file.
///
/// # Errors
///
/// As [`open`], and [`FileError::TooLarge`].
pub fn read_bytes(path: &Path, limit: Limit) -> Result<Vec<u8>, FileError> {
    let file = open(path)?;
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    all(path, file, size, limit)
}

/// The bytes of a regular file or a pipe.
///
/// # Errors
///
/// As [`open_source`], and [`FileError::TooLarge`].
pub fn read_source(path: &Path, limit: Limit) -> Result<Vec<u8>, FileError> {
    match open_source(path, limit)? {
        Source::File(file) => {
            let size = file.metadata().map_or(0, |metadata| metadata.len());
            all(path, file, size, limit)
        }
        pipe => all(path, pipe, 0, limit),
    }
}

/// Reads to the end, but no further than the limit, whatever size the file says.
fn all(path: &Path, file: impl Read, size: u64, limit: Limit) -> Result<Vec<u8>, FileError> {
    let too_large = || FileError::TooLarge { path: path.to_owned(), limit };
    if size > limit.bytes {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(size as usize);
    let read = file.take(limit.bytes.saturating_add(1)).read_to_end(&mut bytes);
    match read.map_err(|source| FileError::io("read", path, source))? as u64 > limit.bytes {
        true => Err(too_large()),
        false => Ok(bytes),
    }
}

/// The text of a regular file.
///
/// # Errors
///
/// As [`read_bytes`], and [`FileError::NotText`], or [`FileError::WrongKind`] where the format is recognised.
pub fn read_text(path: &Path, limit: Limit) -> Result<String, FileError> {
    text(path, read_bytes(path, limit)?)
}

/// The text of a regular file or a pipe.
///
/// # Errors
///
/// As [`read_source`] and [`read_text`].
pub fn read_source_text(path: &Path, limit: Limit) -> Result<String, FileError> {
    text(path, read_source(path, limit)?)
}

fn text(path: &Path, bytes: Vec<u8>) -> Result<String, FileError> {
    // Some binary files are valid UTF-8, such as a safetensors file with few values.
    if let Some(kind) = FileKind::recognise(&bytes).filter(|kind| kind.is_binary()) {
        return Err(FileError::WrongKind { path: path.to_owned(), kind });
    }
    String::from_utf8(bytes).map_err(|error| {
        let not_text = FileError::NotText { path: path.to_owned(), at: error.utf8_error().valid_up_to() };
        wrong_kind(path, error.as_bytes()).unwrap_or(not_text)
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn problem<T>(result: Result<T, FileError>) -> String {
        result.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_file_beyond_the_limit_is_refused_before_it_is_read() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("config.json");
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let large = problem(read_text(&path, Limit::CONFIG));
        assert!(
            large.ends_with("larger than the limit of 64 MiB for a JSON file; is it the right file?"),
            "{large}"
        );
        fs::write(&path, "{}").unwrap();
        assert_eq!(read_text(&path, Limit { bytes: 2, what: "a test" }).unwrap(), "{}");
        assert!(problem(read_text(&path, Limit { bytes: 1, what: "a test" })).contains("1 bytes for a test"));
    }

    #[cfg(unix)]
    #[test]
    fn folders_devices_and_pipes_are_no_files() {
        let root = tempfile::tempdir().unwrap();
        let pipe = root.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [root.path(), Path::new("/dev/zero"), &pipe] {
            let refused = problem(read_text(path, Limit::CONFIG));
            assert!(refused.ends_with("is not a file; check the path"), "{refused}");
        }
        for path in [root.path(), Path::new("/dev/zero")] {
            let refused = problem(read_source(path, Limit::TEXT));
            assert!(refused.ends_with("is neither a file nor a pipe; check the path"), "{refused}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_a_source_up_to_the_limit() {
        let root = tempfile::tempdir().unwrap();
        let pipe = root.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let read = |bytes: Vec<u8>, limit: u64| {
            let path = pipe.clone();
            let writer = std::thread::spawn(move || fs::write(path, bytes));
            let read = read_source_text(&pipe, Limit { bytes: limit, what: "a test" });
            (read, writer.join().unwrap())
        };
        assert_eq!(read(vec![b'a'; 200_000], 200_000).0.unwrap().len(), 200_000);
        let (large, _) = read(vec![b'a'; 200_000], 100_000);
        assert!(problem(large).contains("it gives more than the limit of 100000 bytes for a test"));
        let silent = problem(read_source(&pipe, Limit::TEXT));
        assert!(silent.ends_with("it is a pipe, and nothing wrote to it for 5 seconds"), "{silent}");
    }
}
