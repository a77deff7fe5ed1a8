//! Folders that appear on the disk complete or not at all.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::error::CheckpointError;

/// Moves a finished temporary folder to `target`, in the same parent folder, once its content is on the disk.
pub(super) fn publish(temporary: tempfile::TempDir, target: &Path) -> Result<(), CheckpointError> {
    let failed = |e| CheckpointError::file("write", target, e);
    fs::rename(temporary.path(), target).map_err(failed)?;
    // The folder has another name now, so there is nothing to remove.
    let _ = temporary.keep();
    target.parent().map_or(Ok(()), sync_entries).map_err(failed)
}

/// Gives a temporary folder the permissions of an ordinary new folder, and writes all of it to the disk.
pub(super) fn complete(dir: &Path) -> io::Result<()> {
    set_default_permissions(dir)?;
    sync(dir)
}

/// Removes a folder. It gets the hidden name `doomed` first, so that an interruption leaves no incomplete folder under its
/// own name.
pub(super) fn remove(path: &Path, doomed: &Path) -> Result<(), CheckpointError> {
    if !path.exists() {
        return Ok(());
    }
    if doomed.exists() {
        fs::remove_dir_all(doomed).map_err(|e| CheckpointError::file("remove", doomed, e))?;
    }
    let removed = fs::rename(path, doomed).and_then(|()| fs::remove_dir_all(doomed));
    removed.map_err(|e| CheckpointError::file("remove", path, e))
}

/// The permissions of an ordinary new folder, while a temporary folder is accessible to its owner alone.
fn set_default_permissions(dir: &Path) -> io::Result<()> {
    // A hidden name, which no file that a program adds has.
    let plain = dir.join(".plain");
    fs::create_dir(&plain)?;
    fs::set_permissions(dir, fs::metadata(&plain)?.permissions())?;
    fs::remove_dir(&plain)
}

/// Writes the files of a folder, those of the folders inside it, and its entries to the disk.
fn sync(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() { sync(&path)? } else { File::open(path)?.sync_all()? }
    }
    sync_entries(dir)
}

/// Writes the entries of a folder to the disk.
fn sync_entries(dir: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}
