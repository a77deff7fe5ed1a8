//! Removing checkpoints, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Checkpoints, HIDDEN, folder, manifest, name_of, step_of};
use crate::error::CheckpointError;

/// What the names of damaged checkpoints begin with.
const DAMAGED: &str = "damaged-";

impl Checkpoints {
    /// Renames the folder of a damaged checkpoint to `damaged-step-NNNNNN`, where it is no checkpoint any more, and returns
    /// its new path. A folder that has this name already is removed.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::File`] if the folder cannot be renamed, [`CheckpointError::ForeignFiles`] if the folder that has
    /// this name already holds files that were not written with a checkpoint.
    pub fn set_aside(&self, step: usize) -> Result<PathBuf, CheckpointError> {
        let (path, aside) = (self.path(step), self.dir.join(format!("{DAMAGED}{}", name_of(step))));
        self.remove_folder(&aside)?;
        fs::rename(&path, &aside).map_err(|e| CheckpointError::file("rename", &path, e))?;
        Ok(aside)
    }

    /// Removes all checkpoints except the last `limit`, those of the steps in `keep`, and those whose folder holds files that
    /// were not written with them. Also removes what interrupted writes left behind.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::File`] if a checkpoint cannot be removed.
    pub fn prune(&self, limit: usize, keep: &[usize]) -> Result<(), CheckpointError> {
        let steps = self.steps()?;
        let old = steps.len().saturating_sub(limit);
        for &step in steps[..old].iter().filter(|step| !keep.contains(step)) {
            match self.remove(step) {
                Err(CheckpointError::ForeignFiles { .. }) => (),
                removed => removed?,
            }
        }
        self.remove_leftovers()
    }

    /// Removes all checkpoints, damaged ones that were [set aside](Self::set_aside), and what interrupted writes left
    /// behind. Other files and folders stay.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::ForeignFiles`] if a folder of a checkpoint holds files that were not written with it; then nothing
    /// is removed. [`CheckpointError::File`] if a checkpoint cannot be removed.
    pub fn remove_all(&self) -> Result<(), CheckpointError> {
        let mut folders: Vec<PathBuf> = self.steps()?.into_iter().map(|step| self.path(step)).collect();
        folders.extend(self.folders(|name| name.strip_prefix(DAMAGED).and_then(step_of).is_some()));
        let foreign = folders.iter().map(|folder| manifest::foreign(folder));
        match foreign.collect::<Result<Vec<_>, _>>()?.concat() {
            files if files.is_empty() => (),
            files => return Err(CheckpointError::ForeignFiles { files }),
        }
        folders.iter().try_for_each(|folder| self.remove_folder(folder))?;
        self.remove_leftovers()
    }

    /// Removes the checkpoints of later steps, such as steps after which the loss was not finite.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::File`] if a checkpoint cannot be removed.
    pub fn remove_after(&self, step: usize) -> Result<(), CheckpointError> {
        let later = self.steps()?.into_iter().filter(|&other| other > step);
        later.rev().try_for_each(|step| self.remove(step))
    }

    pub(super) fn remove(&self, step: usize) -> Result<(), CheckpointError> {
        self.remove_folder(&self.path(step))
    }

    /// Removes the folder of a checkpoint, unless it holds files that were not written with it.
    fn remove_folder(&self, path: &Path) -> Result<(), CheckpointError> {
        if !path.exists() {
            return Ok(());
        }
        match manifest::foreign(path)? {
            files if files.is_empty() => (),
            files => return Err(CheckpointError::ForeignFiles { files }),
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        folder::remove(path, &self.dir.join(format!("{HIDDEN}removed-{name}")))
    }

    /// Removes what interrupted writes and removals left behind.
    fn remove_leftovers(&self) -> Result<(), CheckpointError> {
        self.folders(|name| name.starts_with(HIDDEN)).try_for_each(|path| {
            fs::remove_dir_all(&path).map_err(|e| CheckpointError::file("remove", &path, e))
        })
    }

    /// The folders whose names fit.
    fn folders(&self, fits: impl Fn(&str) -> bool) -> impl Iterator<Item = PathBuf> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let fitting = entries.filter(move |entry| entry.file_name().to_str().is_some_and(&fits));
        fitting.map(|entry| entry.path()).filter(|path| path.is_dir())
    }
}
