//! What a process that was killed left behind.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use ia3_guard::quote_path;

use crate::fs::FileError;
use crate::fs::hidden::{self, COMMIT, FILE, Hidden, PARTIAL};
use crate::fs::in_place;

/// What a process that was killed left behind, and what was done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Leftover {
    /// A file or folder that was not written completely. It was removed.
    Removed(PathBuf),
    /// New files of a folder that were written completely, but did not all have their places. They were moved there.
    Completed(PathBuf),
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Removed(path) => {
                write!(f, "removed `{}`, which an interrupted run left behind", quote_path(path))
            }
            Self::Completed(path) => {
                write!(f, "completed the write to `{}` that an earlier run was killed in", quote_path(path))
            }
        }
    }
}

/// Completes or removes what is left of writes to a folder. This process must have the folder's lock.
pub(crate) fn of_folder(dir: &Path) -> Result<Vec<Leftover>, FileError> {
    let places = || Hidden::beside(dir).into_iter().chain([Hidden::inside(dir)]);
    let mut left = vec![];
    for stage in Hidden::inside(dir).found(COMMIT) {
        let completed = in_place::complete(&stage, dir);
        completed.map_err(|source| FileError::io("complete the interrupted write to", dir, source))?;
        left.push(Leftover::Completed(dir.to_owned()));
    }
    for stage in places().flat_map(|place| place.found(PARTIAL)) {
        fs::remove_dir_all(&stage).map_err(|source| FileError::io("remove", &stage, source))?;
        left.push(Leftover::Removed(stage));
    }
    left.extend(free_files(hidden::files_in(dir))?);
    Ok(left)
}

/// Removes what is left of writes to a file.
pub(crate) fn of_file(path: &Path) -> Result<Vec<Leftover>, FileError> {
    free_files(Hidden::beside(path).map(|place| place.found(FILE)).unwrap_or_default())
}

/// Removes the temporary files that no process is writing.
fn free_files(paths: Vec<PathBuf>) -> Result<Vec<Leftover>, FileError> {
    // A temporary file is locked as long as its process lives.
    let is_free = |path: &PathBuf| {
        let is_file = fs::symlink_metadata(path).is_ok_and(|file| file.is_file());
        is_file && File::open(path).is_ok_and(|file| file.try_lock().is_ok())
    };
    let removed = |path: PathBuf| match fs::remove_file(&path) {
        Ok(()) => Ok(Leftover::Removed(path)),
        Err(source) => Err(FileError::io("remove", &path, source)),
    };
    paths.into_iter().filter(is_free).map(removed).collect()
}
