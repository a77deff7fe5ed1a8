//! A lock that one process holds at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// A file that this process has locked. It contains the id of this process, and dropping the value removes it.
///
/// The operating system releases the lock when the process ends, however it ends. Then the file remains, and the next
/// process takes it over.
#[derive(Debug)]
pub(crate) struct LockFile {
    path: PathBuf,
    file: File,
    /// Whether the file system has locks.
    pub(crate) is_exclusive: bool,
}

#[derive(Debug)]
pub(crate) enum LockError {
    /// Another process, or another part of this one, has the lock. Its id may not be readable.
    Held(Option<u32>),
    Io(io::Error),
}

impl From<io::Error> for LockError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl LockFile {
    pub(crate) fn acquire(path: PathBuf) -> Result<Self, LockError> {
        loop {
            let mut file = open(&path)?;
            let is_exclusive = match file.try_lock() {
                Ok(()) => true,
                Err(TryLockError::WouldBlock) => return Err(LockError::Held(process_in(&mut file))),
                Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => false,
                Err(TryLockError::Error(error)) => return Err(error.into()),
            };
            // The process that had the lock before may have removed the file between the two calls above.
            if is_at(&file, &path)? {
                let mut lock = Self { path, file, is_exclusive };
                write_process(&mut lock.file)?;
                return Ok(lock);
            }
        }
    }

    /// The process that holds a lock, if one does.
    pub(crate) fn holder(path: &Path) -> Option<Option<u32>> {
        let mut file = ia3_guard::open(path).ok()?;
        let held = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
        held.then(|| process_in(&mut file))
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // The lock is still held, so this is not the file of another process.
        let _ = fs::remove_file(&self.path);
    }
}

/// Opens a lock without following a symbolic link, which could lead to a file that must not be written.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        rustix::fs::OFlags::NOFOLLOW.bits().cast_signed(),
    );
    options.open(path)
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let own = file.metadata()?;
    Ok(fs::symlink_metadata(path).is_ok_and(|there| (there.dev(), there.ino()) == (own.dev(), own.ino())))
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> io::Result<bool> {
    Ok(path.exists())
}

fn write_process(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(std::process::id().to_string().as_bytes())
}

fn process_in(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_holder_learns_of_the_first_and_a_free_file_is_taken_over() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("lock");
        fs::write(&path, "4194304000").unwrap();
        let lock = LockFile::acquire(path.clone()).unwrap();
        let own = std::process::id();
        assert!(matches!(LockFile::acquire(path.clone()), Err(LockError::Held(Some(id))) if id == own));
        assert_eq!(LockFile::holder(&path), Some(Some(own)));
        drop(lock);
        assert!(!path.exists());
        assert_eq!(LockFile::holder(&path), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_place_of_the_lock_is_not_followed() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("precious"), "1").unwrap();
        std::os::unix::fs::symlink("precious", root.path().join("lock")).unwrap();
        assert!(matches!(LockFile::acquire(root.path().join("lock")), Err(LockError::Io(_))));
        assert_eq!(fs::read(root.path().join("precious")).unwrap(), b"1");
    }
}
