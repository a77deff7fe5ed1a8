//! A folder that one process writes into.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::fs::FileError;
use crate::fs::hidden::{Hidden, PARTIAL};
use crate::fs::leftovers::{self, Leftover};
use crate::fs::lock_file::{LockError, LockFile};
use crate::fs::target::{MadeFolders, is_writable, resolve};

/// A folder that this process writes into, and no other as long as this value lives.
///
/// The folder need not exist; [`FolderWrite`](crate::fs::FolderWrite) makes it. A symbolic link is followed. The lock is the
/// file `.NAME.ia3-lock` beside the folder `NAME`, or `.ia3-lock` inside it where the folder is a mount point or nothing can
/// be written beside it. It is removed at the end; that of a process that was killed is taken over. Where the file system
/// has no locks, nothing is locked.
///
/// What a killed process left of a write to the same folder is completed or removed first, see
/// [`leftovers`](Self::leftovers).
#[derive(Debug)]
pub struct OutputFolder {
    /// The path as it was given, for messages.
    path: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) place: Hidden,
    leftovers: Vec<Leftover>,
    // In this order: the lock lies in a folder that was made for it.
    _lock: LockFile,
    made: MadeFolders,
}

/// What to remove where a process is interrupted while it writes a folder, from any thread. The process must end then.
#[derive(Clone, Debug)]
pub struct Cleanup {
    place: Hidden,
    made: Vec<PathBuf>,
}

impl Cleanup {
    /// Removes what is not written completely, and the lock.
    pub fn run(&self) {
        for stage in self.place.found(PARTIAL) {
            // The other thread may add a file meanwhile. What remains is removed by the next process.
            let _ = (0..3).any(|_| fs::remove_dir_all(&stage).is_ok());
        }
        let _ = fs::remove_file(self.place.lock());
        drop(MadeFolders(self.made.clone()));
    }
}

impl OutputFolder {
    /// Locks the folder `dir`.
    ///
    /// # Errors
    ///
    /// [`FileError::InUse`] if another process has the lock, [`FileError::NotAFolder`] for a file or device, and
    /// [`FileError::Io`] if the folder cannot be written.
    pub fn lock(dir: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = dir.as_ref().to_owned();
        let unmade = |source| FileError::io("make the folder", &path, source);
        let target = resolve(&path).map_err(unmade)?;
        let exists = check_existing(&path, &target)?;
        let mut beside = Hidden::beside(&target).filter(|_| !is_mount_point(&target));
        let mut made = MadeFolders::default();
        if let Some(place) = &mut beside {
            made = MadeFolders::make(&place.dir).map_err(unmade)?;
            place.dir = place.dir.canonicalize().map_err(unmade)?;
        }
        let target = beside.as_ref().and_then(|p| Some(p.dir.join(target.file_name()?))).unwrap_or(target);
        let (place, lock) = acquire(beside, &target, exists).map_err(|error| match error {
            LockError::Held(process) => FileError::InUse { path: path.clone(), process },
            LockError::Io(source) if exists => FileError::io("write into", &path, source),
            LockError::Io(source) => unmade(source),
        })?;
        let leftovers = if lock.is_exclusive { leftovers::of_folder(&target)? } else { vec![] };
        Ok(Self { path, target, place, leftovers, _lock: lock, made })
    }

    /// The path of the folder, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What earlier writes to this folder, in processes that were killed, had left.
    pub fn leftovers(&self) -> &[Leftover] {
        &self.leftovers
    }

    /// What to remove if the process is interrupted.
    pub fn cleanup(&self) -> Cleanup {
        Cleanup { place: self.place.clone(), made: self.made.0.clone() }
    }

    /// Whether the folder does not exist or has no entry.
    pub fn is_empty(&self) -> bool {
        let lock = self.place.lock();
        let mut entries = fs::read_dir(&self.target).into_iter().flatten().flatten();
        entries.all(|entry| entry.path() == lock)
    }

    /// Whether `dir` is this folder.
    pub fn is(&self, dir: &Path) -> bool {
        dir.canonicalize().is_ok_and(|dir| dir == self.target)
    }
}

/// Whether there is a folder already; anything else there is an error.
fn check_existing(path: &Path, target: &Path) -> Result<bool, FileError> {
    match fs::metadata(target) {
        Ok(there) if there.is_dir() => {
            is_writable(target).map_err(|source| FileError::io("write into", path, source))?;
            Ok(true)
        }
        Ok(_) => Err(FileError::NotAFolder { path: path.to_owned() }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(source) => Err(FileError::io("write into", path, source)),
    }
}

/// Locks the folder at one of the two places, unless a process has the lock at the other one.
fn acquire(beside: Option<Hidden>, target: &Path, exists: bool) -> Result<(Hidden, LockFile), LockError> {
    let inside = Hidden::inside(target);
    if let Some(beside) = &beside {
        match LockFile::acquire(beside.lock()) {
            Ok(lock) => return refuse_holder(&inside).map(|()| (beside.clone(), lock)),
            Err(LockError::Io(error)) if exists && is_refusal(&error) => refuse_holder(beside)?,
            Err(error) => return Err(error),
        }
    }
    let lock = LockFile::acquire(inside.lock())?;
    Ok((inside, lock))
}

fn refuse_holder(place: &Hidden) -> Result<(), LockError> {
    LockFile::holder(&place.lock()).map_or(Ok(()), |process| Err(LockError::Held(process)))
}

/// Whether the error means that no file can be made at a place: no permission, or a name that would be too long.
fn is_refusal(error: &io::Error) -> bool {
    use ErrorKind::{InvalidFilename, PermissionDenied, ReadOnlyFilesystem};
    matches!(error.kind(), InvalidFilename | PermissionDenied | ReadOnlyFilesystem)
}

/// Whether another file system, or another part of this one, begins at a folder. Nothing can be moved into it from beside it,
/// and other containers may see it under another path.
fn is_mount_point(dir: &Path) -> bool {
    is_mount_root(dir) || is_other_device(dir)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_mount_root(dir: &Path) -> bool {
    use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
    let attribute = StatxAttributes::MOUNT_ROOT;
    match statx(CWD, dir, AtFlags::empty(), StatxFlags::empty()) {
        Ok(found) if found.stx_attributes_mask.contains(attribute) => {
            found.stx_attributes.contains(attribute)
        }
        _ => false,
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn is_mount_root(_: &Path) -> bool {
    false
}

#[cfg(unix)]
fn is_other_device(dir: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &Path| Some(fs::metadata(path).ok()?.dev());
    dir.parent().is_some_and(|parent| device(dir).is_some_and(|own| device(parent) != Some(own)))
}

#[cfg(not(unix))]
fn is_other_device(_: &Path) -> bool {
    false
}
