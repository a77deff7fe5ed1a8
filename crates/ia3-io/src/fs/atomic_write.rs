//! Writing a set of files so that each is complete or absent.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::fs::FileError;

/// The prefix of temporary files.
pub(crate) const PREFIX: &str = ".ia3-";
/// The suffix of temporary files.
pub(crate) const SUFFIX: &str = ".tmp";

/// A set of files to write into one folder: each is written under a temporary name, and [`commit`](Self::commit) renames
/// all of them.
///
/// A value that is dropped before [`commit`](Self::commit) leaves nothing behind, not even the folders it created.
#[derive(Debug)]
pub struct AtomicWrite {
    dir: PathBuf,
    created: Vec<PathBuf>,
    files: Vec<(PathBuf, NamedTempFile)>,
}

/// The files that were written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WrittenFiles {
    /// The paths of the files.
    pub files: Vec<PathBuf>,
    /// The total size of the files.
    pub bytes: u64,
}

impl AtomicWrite {
    /// Starts writing into `dir`, which is created if it does not exist.
    ///
    /// # Errors
    ///
    /// [`FileError::NotAFolder`], [`FileError::Io`].
    pub fn new(dir: &Path) -> Result<Self, FileError> {
        if dir.exists() && !dir.is_dir() {
            return Err(FileError::NotAFolder { path: dir.to_owned() });
        }
        let new = dir.ancestors().take_while(|d| !d.as_os_str().is_empty() && !d.exists());
        let created = new.map(Path::to_owned).collect();
        let write = Self { dir: dir.to_owned(), created, files: vec![] };
        fs::create_dir_all(dir).map_err(|source| FileError::io("make the folder", dir, source))?;
        Ok(write)
    }

    /// Starts writing into the parent folder of `path`; returns the name of the file in it too.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn for_file(path: &Path) -> Result<(Self, String), FileError> {
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = path.file_name().map(|n| n.to_string_lossy().to_string()).unwrap_or_default();
        Ok((Self::new(parent)?, name))
    }

    /// Writes one file, which appears under `name` after [`commit`](Self::commit).
    ///
    /// # Errors
    ///
    /// [`FileError::Io`].
    pub fn file(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), FileError> {
        let target = self.dir.join(name);
        if target.is_dir() {
            let source = io::Error::from(io::ErrorKind::IsADirectory);
            return Err(FileError::io("write", &target, source));
        }
        let written = temporary(&self.dir).and_then(|temp| fill(temp, write));
        let temp = written.map_err(|source| FileError::io("write", &target, source))?;
        self.files.push((target, temp));
        Ok(())
    }

    /// Writes one text file.
    ///
    /// # Errors
    ///
    /// As [`file`](Self::file).
    pub fn text(&mut self, name: &str, text: &str) -> Result<(), FileError> {
        self.file(name, |out| out.write_all(text.as_bytes()))
    }

    /// Renames every file to its final name.
    ///
    /// # Errors
    ///
    /// [`FileError::Io`].
    pub fn commit(mut self) -> Result<WrittenFiles, FileError> {
        let (mut files, mut bytes) = (vec![], 0);
        for (target, temp) in self.files.drain(..) {
            let file = temp.persist(&target).map_err(|e| FileError::io("write", &target, e.error))?;
            bytes += file.metadata().map_or(0, |m| m.len());
            files.push(target);
        }
        self.created.clear();
        sync_folder(&self.dir);
        Ok(WrittenFiles { files, bytes })
    }
}

impl Drop for AtomicWrite {
    fn drop(&mut self) {
        self.files.clear();
        for dir in &self.created {
            // Only an empty folder is removed; if that fails, an empty folder remains, which is harmless.
            let _ = fs::remove_dir(dir);
        }
    }
}

fn fill(
    mut temp: NamedTempFile,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<NamedTempFile> {
    let mut out = BufWriter::with_capacity(1 << 20, temp.as_file_mut());
    write(&mut out)?;
    out.flush()?;
    drop(out);
    temp.as_file().sync_all()?;
    Ok(temp)
}

/// A hidden file with the permissions of any new file; `tempfile` alone would restrict it to its owner.
fn temporary(dir: &Path) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(dir)
}

/// Makes the renames durable across a power failure, where the system supports it.
fn sync_folder(dir: &Path) {
    if let Ok(dir) = fs::File::open(dir) {
        let _ = dir.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_appear_together_and_folders_are_made() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("a/b");
        let mut write = AtomicWrite::new(&dir).unwrap();
        write.text("x", "one").unwrap();
        assert!(!dir.join("x").exists());
        write.text("y", "two!").unwrap();
        let WrittenFiles { files, bytes } = write.commit().unwrap();
        assert_eq!((files, bytes), (vec![dir.join("x"), dir.join("y")], 7));
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 2);
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let root = tempfile::tempdir().unwrap();
        let mut write = AtomicWrite::new(&root.path().join("a/b")).unwrap();
        write.text("x", "one").unwrap();
        let failed = write.file("y", |_| Err(io::Error::other("no"))).unwrap_err();
        assert!(failed.to_string().ends_with("a/b/y`: no"), "{failed}");
        drop(write);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn files_are_readable_by_those_the_umask_allows() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("plain"), "").unwrap();
        let mut write = AtomicWrite::new(root.path()).unwrap();
        write.text("staged", "").unwrap();
        write.commit().unwrap();
        let mode = |name: &str| fs::metadata(root.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode("staged"), mode("plain"));
    }
}
