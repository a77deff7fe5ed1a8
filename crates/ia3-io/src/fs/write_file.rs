//! Writing one file.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::fs::folder_write::fill;
use crate::fs::hidden::Hidden;
use crate::fs::leftovers::{self, Leftover};
use crate::fs::target::{MadeFolders, resolve, sync_folder};
use crate::fs::{FileError, WrittenFiles};

/// Writes a file so that it is complete or absent, whatever interrupts the write. Missing parent folders are created.
///
/// As [`write_file_with`].
///
/// # Errors
///
/// The errors are those of [`write_file_with`].
pub fn write_file(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), FileError> {
    write_file_with(path, |out| out.write_all(bytes)).map(drop)
}

/// Writes a file with the bytes that `write` writes.
///
/// A regular file is written under a temporary name beside it, synced and renamed, so that it is complete or absent,
/// whatever interrupts the write. It keeps the permissions of the file that it replaces. A symbolic link stays, and the file
/// that it leads to is replaced. A device or a pipe, such as `/dev/stdout`, is opened and written.
///
/// # Errors
///
/// [`FileError::NotAFile`] for a folder, [`FileError::NotAFolder`] for a path below a file, and [`FileError::Io`].
pub fn write_file_with(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<WrittenFiles, FileError> {
    let path = path.as_ref();
    let failed = |source| FileError::io("write", path, source);
    let bytes = match Target::of(path)? {
        Target::Stream(stream) => stream.write(write).map_err(failed)?,
        Target::File(target) => replace(path, &target, write)?,
    };
    Ok(WrittenFiles { files: vec![path.to_owned()], bytes })
}

/// Checks that a file can be written at a path, and removes what killed processes left of writes to the same file.
///
/// # Errors
///
/// The errors are those of [`write_file_with`].
pub fn prepare_file(path: impl AsRef<Path>) -> Result<Vec<Leftover>, FileError> {
    match Target::of(path.as_ref())? {
        Target::Stream(_) => Ok(vec![]),
        Target::File(target) => leftovers::of_file(&target),
    }
}

/// Whether a path leads to the standard output of this process, and that is a pipe or a file.
#[cfg(unix)]
pub fn is_stdout(path: impl AsRef<Path>) -> bool {
    use rustix::fs::{FileType, fstat, stat};
    let (Ok(there), Ok(own)) = (stat(path.as_ref()), fstat(io::stdout())) else { return false };
    let is_device = FileType::from_raw_mode(own.st_mode) == FileType::CharacterDevice;
    !is_device && (there.st_dev, there.st_ino) == (own.st_dev, own.st_ino)
}

/// Whether a path leads to the standard output of this process, and that is a pipe or a file.
#[cfg(not(unix))]
pub fn is_stdout(_: impl AsRef<Path>) -> bool {
    false
}

/// Where the bytes go.
enum Target {
    /// A regular file, or none yet.
    File(PathBuf),
    Stream(Stream),
}

enum Stream {
    /// The standard output of this process. If it is a file, opening its path would not continue at its end.
    Stdout,
    /// A device or pipe.
    Path(PathBuf),
}

impl Target {
    fn of(path: &Path) -> Result<Self, FileError> {
        let failed = |source| FileError::io("write", path, source);
        if is_stdout(path) {
            return Ok(Self::Stream(Stream::Stdout));
        }
        match fs::metadata(path) {
            Ok(there) if there.is_dir() => Err(FileError::NotAFile { path: path.to_owned() }),
            Ok(there) if !there.is_file() => Ok(Self::Stream(Stream::Path(path.to_owned()))),
            Ok(_) => Ok(Self::File(resolve(path).map_err(failed)?)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                let parent = path.parent().unwrap_or(path);
                match parent.exists() && !parent.is_dir() && !parent.as_os_str().is_empty() {
                    true => Err(FileError::NotAFolder { path: parent.to_owned() }),
                    false => Ok(Self::File(resolve(path).map_err(failed)?)),
                }
            }
            Err(source) => Err(failed(source)),
        }
    }
}

impl Stream {
    fn write(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<u64> {
        let out: Box<dyn Write> = match self {
            Self::Stdout => Box::new(io::stdout().lock()),
            Self::Path(path) => Box::new(OpenOptions::new().write(true).open(path)?),
        };
        let mut out = Counted { out: BufWriter::with_capacity(1 << 16, out), bytes: 0 };
        write(&mut out)?;
        out.flush()?;
        Ok(out.bytes)
    }
}

struct Counted<W> {
    out: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn replace(
    path: &Path,
    target: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<u64, FileError> {
    let failed = |source| FileError::io("write", path, source);
    let invalid = || failed(ErrorKind::InvalidFilename.into());
    let place = Hidden::beside(target).ok_or_else(invalid)?;
    let _made = MadeFolders::make(&place.dir)
        .map_err(|source| FileError::io("make the folder", path.parent().unwrap_or(path), source))?;
    let temp = locked(&place).map_err(failed)?;
    let filled = temp.as_file().try_clone().and_then(|file| fill(file, target, write));
    let bytes = filled.and_then(|()| Ok(temp.as_file().metadata()?.len()));
    let bytes = bytes.map_err(failed)?;
    temp.persist(target).map_err(|error| failed(error.error))?;
    sync_folder(&place.dir);
    Ok(bytes)
}

/// A temporary file that is locked, so that other processes see that it is being written.
fn locked(place: &Hidden) -> io::Result<NamedTempFile> {
    loop {
        let temp = place.file()?;
        match temp.as_file().try_lock() {
            // Another process may have removed the file before it was locked.
            Ok(()) if !temp.path().exists() => {}
            // Without locks, nobody removes the file.
            _ => return Ok(temp),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::file_names;

    #[test]
    fn a_file_is_replaced_whole_and_a_failure_leaves_the_old_one() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/kept");
        for text in ["one", "two"] {
            write_file(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        let error = write_file_with(&path, |_| Err(io::Error::other("no"))).unwrap_err();
        assert!(error.to_string().ends_with("a/kept`: no"), "{error}");
        let new = root.path().join("b/c");
        write_file_with(&new, |_| Err(io::Error::other("no"))).unwrap_err();
        assert!(matches!(write_file(root.path(), b""), Err(FileError::NotAFile { .. })));
        assert!(matches!(write_file(path.join("x"), b""), Err(FileError::NotAFolder { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(
            (file_names(root.path()), file_names(&root.path().join("a"))),
            (vec!["a".into()], vec!["kept".into()])
        );
    }

    #[test]
    fn only_what_no_process_writes_any_more_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("x");
        let place = Hidden::beside(&path).unwrap();
        let alive = locked(&place).unwrap();
        let dead = place.file().unwrap();
        let other = Hidden::beside(&root.path().join("y")).unwrap().file().unwrap();
        fs::create_dir(root.path().join(".x.ia3-abcdef.tmp")).unwrap();
        let left = prepare_file(&path).unwrap();
        assert_eq!(left, [Leftover::Removed(dead.path().to_owned())]);
        assert!(alive.path().exists() && other.path().exists() && !dead.path().exists());
        assert!(root.path().join(".x.ia3-abcdef.tmp").exists());
    }
}
