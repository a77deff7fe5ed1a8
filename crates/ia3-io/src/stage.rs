//! Writing files so that they are there whole or not at all.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::error::IoError;

/// How the names of what is being written begin.
pub(crate) const PREFIX: &str = ".ia3-";
/// How they end.
pub(crate) const SUFFIX: &str = ".tmp";

/// Files on their way into a folder: written beside their targets, then renamed all together.
///
/// Dropped before [`commit`](Self::commit) it leaves nothing behind, not even the folders it made.
pub(crate) struct Stage {
    dir: PathBuf,
    created: Vec<PathBuf>,
    files: Vec<(PathBuf, NamedTempFile)>,
}

impl Stage {
    /// Makes the folder if need be.
    pub(crate) fn new(dir: &Path) -> Result<Self, IoError> {
        if dir.exists() && !dir.is_dir() {
            return Err(IoError::NotAFolder { path: dir.to_owned() });
        }
        let new = dir.ancestors().take_while(|d| !d.as_os_str().is_empty() && !d.exists());
        let created = new.map(Path::to_owned).collect();
        let stage = Self { dir: dir.to_owned(), created, files: vec![] };
        fs::create_dir_all(dir).map_err(|source| IoError::io("make the folder", dir, source))?;
        Ok(stage)
    }

    /// The folder of a file to write, and the file's name there.
    pub(crate) fn beside(path: &Path) -> Result<(Self, String), IoError> {
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = path.file_name().map(|n| n.to_string_lossy().to_string()).unwrap_or_default();
        Ok((Self::new(parent)?, name))
    }

    /// Writes one file, which appears under `name` once all are committed.
    pub(crate) fn file(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), IoError> {
        let target = self.dir.join(name);
        if target.is_dir() {
            let source = io::Error::from(io::ErrorKind::IsADirectory);
            return Err(IoError::io("write", &target, source));
        }
        let written = temporary(&self.dir).and_then(|temp| fill(temp, write));
        let temp = written.map_err(|source| IoError::io("write", &target, source))?;
        self.files.push((target, temp));
        Ok(())
    }

    /// Writes one text file.
    pub(crate) fn text(&mut self, name: &str, text: &str) -> Result<(), IoError> {
        self.file(name, |out| out.write_all(text.as_bytes()))
    }

    /// Renames every file to its name; returns the paths and the number of bytes.
    pub(crate) fn commit(mut self) -> Result<(Vec<PathBuf>, u64), IoError> {
        let (mut paths, mut bytes) = (vec![], 0);
        for (target, temp) in self.files.drain(..) {
            let file = temp.persist(&target).map_err(|e| IoError::io("write", &target, e.error))?;
            bytes += file.metadata().map_or(0, |m| m.len());
            paths.push(target);
        }
        self.created.clear();
        sync_folder(&self.dir);
        Ok((paths, bytes))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.files.clear();
        for dir in &self.created {
            // Only an empty folder goes; a failure leaves an empty folder, which harms nobody.
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

/// A hidden file with the permissions that any new file gets, where the library's default is the owner alone.
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

/// Makes the renames last through a power cut, where the system can do that.
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
        let mut stage = Stage::new(&dir).unwrap();
        stage.text("x", "one").unwrap();
        assert!(!dir.join("x").exists());
        stage.text("y", "two!").unwrap();
        let (paths, bytes) = stage.commit().unwrap();
        assert_eq!((paths, bytes), (vec![dir.join("x"), dir.join("y")], 7));
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 2);
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let root = tempfile::tempdir().unwrap();
        let mut stage = Stage::new(&root.path().join("a/b")).unwrap();
        stage.text("x", "one").unwrap();
        let failed = stage.file("y", |_| Err(io::Error::other("no"))).unwrap_err();
        assert!(failed.to_string().ends_with("a/b/y`: no"), "{failed}");
        drop(stage);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn files_are_readable_by_those_the_umask_allows() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("plain"), "").unwrap();
        let mut stage = Stage::new(root.path()).unwrap();
        stage.text("staged", "").unwrap();
        stage.commit().unwrap();
        let mode = |name: &str| fs::metadata(root.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode("staged"), mode("plain"));
    }
}
