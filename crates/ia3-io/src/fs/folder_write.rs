//! Writing the files of a folder as one unit.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::fs::exchange::exchange;
use crate::fs::in_place::{self, Plan};
use crate::fs::target::sync_folder;
use crate::fs::{FileError, OutputFolder};

/// The files of one write into a folder. They appear all at once, when [`commit`](Self::commit) is called, or not at all.
///
/// The files are written into a hidden folder beside the output folder, on the same file system, and synced. Then
///
/// - an output folder that does not exist gets this folder in one rename;
/// - an output folder that exists is exchanged with it in one step (`renameat2` with `RENAME_EXCHANGE` on Linux). Files
///   that do not belong to the write are kept, as hard links;
/// - where that is not possible, the files are moved one by one: those given to [`last`](Self::last) are removed first and
///   come last, so that a folder in between is not readable. If the process is killed then, [`OutputFolder::lock`] completes
///   the write. This is so for a mount point, for the working directory and the folders that it lies in, for an output
///   folder that holds folders or belongs to another user, where nothing can be written beside the output folder, and where
///   the system cannot exchange folders.
///
/// A new file gets the permissions of the one that it replaces. A value that is dropped before [`commit`](Self::commit)
/// leaves nothing behind.
#[derive(Debug)]
pub struct FolderWrite<'a> {
    /// The path of the folder as it was given, for messages.
    path: PathBuf,
    target: PathBuf,
    stage: Stage<'a>,
    written: Vec<String>,
    removed: BTreeSet<String>,
    last: Vec<String>,
}

/// Where the files lie until the write is committed.
#[derive(Debug)]
enum Stage<'a> {
    Hidden(TempDir, &'a OutputFolder),
    /// In the folder itself.
    Direct,
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

impl<'a> FolderWrite<'a> {
    /// Starts a write.
    ///
    /// # Errors
    ///
    /// [`FileError::Io`].
    pub fn new(folder: &'a OutputFolder) -> Result<Self, FileError> {
        let stage = folder.place.folder();
        let stage = stage.map_err(|source| FileError::io("write into", folder.path(), source))?;
        let (path, target) = (folder.path().to_owned(), folder.target.clone());
        Ok(Self::with(path, target, Stage::Hidden(stage, folder)))
    }

    /// Starts a write into a folder that nobody else knows yet, such as a temporary one, which is made if it does not
    /// exist. The files are written into it at once.
    ///
    /// # Errors
    ///
    /// [`FileError::Io`].
    pub fn direct(dir: impl AsRef<Path>) -> Result<Self, FileError> {
        let dir = dir.as_ref();
        fs::create_dir_all(dir).map_err(|source| FileError::io("make the folder", dir, source))?;
        Ok(Self::with(dir.to_owned(), dir.to_owned(), Stage::Direct))
    }

    fn with(path: PathBuf, target: PathBuf, stage: Stage<'a>) -> Self {
        Self { path, target, stage, written: vec![], removed: BTreeSet::new(), last: vec![] }
    }

    /// The path of the folder, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn staged(&self, name: &str) -> PathBuf {
        match &self.stage {
            Stage::Hidden(stage, _) => stage.path().join(name),
            Stage::Direct => self.target.join(name),
        }
    }

    /// Writes one file, or replaces one that was written before.
    ///
    /// # Errors
    ///
    /// [`FileError::Io`].
    pub fn file(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), FileError> {
        let target = self.target.join(name);
        let filled = match target.is_dir() {
            true => Err(io::ErrorKind::IsADirectory.into()),
            false => File::create(self.staged(name)).and_then(|file| fill(file, &target, write)),
        };
        filled.map_err(|source| FileError::io("write", &self.path.join(name), source))?;
        if !self.has(name) {
            self.written.push(name.to_string());
        }
        Ok(())
    }

    /// Writes one text file.
    ///
    /// # Errors
    ///
    /// The errors are those of [`file`](Self::file).
    pub fn text(&mut self, name: &str, text: &str) -> Result<(), FileError> {
        self.file(name, |out| out.write_all(text.as_bytes()))
    }

    /// Removes a file of the folder that belongs to an earlier content, unless this write has a file of that name.
    pub fn remove(&mut self, name: impl Into<String>) {
        let name = name.into();
        if !self.target.join(&name).is_dir() {
            self.removed.insert(name);
        }
    }

    /// Names the files without which no reader accepts the folder, the most important one at the end.
    pub fn last(&mut self, names: &[&str]) {
        self.last = names.iter().map(|name| name.to_string()).collect();
    }

    /// Whether this write has a file of that name.
    pub fn has(&self, name: &str) -> bool {
        self.written.iter().any(|written| written == name)
    }

    /// The files of this write, by the paths that they will have.
    pub fn written(&self) -> WrittenFiles {
        let size = |name: &String| fs::metadata(self.staged(name)).map_or(0, |file| file.len());
        WrittenFiles {
            files: self.written.iter().map(|name| self.path.join(name)).collect(),
            bytes: self.written.iter().map(size).sum(),
        }
    }

    /// The path of a file as it is now: that of this write, or else that of the folder. It need not exist.
    pub fn current(&self, name: &str) -> PathBuf {
        let staged = self.staged(name);
        if staged.exists() { staged } else { self.target.join(name) }
    }

    /// Makes the files appear in the folder.
    ///
    /// # Errors
    ///
    /// [`FileError::Io`].
    pub fn commit(self) -> Result<WrittenFiles, FileError> {
        let (path, written) = (self.path.clone(), self.written());
        self.publish().map_err(|source| FileError::io("write into", &path, source))?;
        Ok(written)
    }

    fn publish(self) -> io::Result<()> {
        let Self { target, stage, written, removed, last, .. } = self;
        let Stage::Hidden(stage, OutputFolder { place, .. }) = stage else {
            sync_folder(&target);
            return Ok(());
        };
        sync_folder(stage.path());
        if !target.exists() {
            fs::rename(stage.path(), &target)?;
            // The folder has another name now, so there is nothing to remove.
            let _ = stage.keep();
            sync_folder(&place.dir);
            return Ok(());
        }
        let is_beside = place.dir != target;
        let names = || written.iter().chain(&removed);
        if is_beside && exchange(stage.path(), &target, |name| names().any(|other| name == &**other))? {
            // This is the old folder now. If it cannot be removed, the next write removes it.
            let _ = stage.close();
            return Ok(());
        }
        let removed = removed.into_iter().filter(|name| !written.contains(name)).collect();
        let last = last.into_iter().filter(|name| written.contains(name)).collect();
        in_place::commit(stage, &target, &Plan { removed, last })
    }
}

/// Fills and syncs a new file, which gets the permissions of the file `like` if there is one.
pub(crate) fn fill(
    file: File,
    like: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, &file);
    write(&mut out)?;
    out.flush()?;
    drop(out);
    let old = fs::metadata(like).ok().filter(|old| cfg!(unix) && old.is_file());
    old.map_or(Ok(()), |old| file.set_permissions(old.permissions()))?;
    file.sync_all()
}
