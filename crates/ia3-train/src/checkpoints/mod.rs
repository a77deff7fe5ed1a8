//! Checkpoints of a training: folders that are complete or absent.

mod folder;
mod record;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::CheckpointError;
use crate::fingerprint::Fingerprint;
use crate::state::TrainState;

use self::record::Record;

/// One checkpoint.
#[derive(Clone, Debug)]
pub struct Checkpoint<T> {
    /// Its folder, `step-000500`.
    pub path: PathBuf,
    /// The state of the training.
    pub state: TrainState,
    /// What the program added, such as losses and the best evaluation.
    pub progress: T,
}

/// The checkpoints of a training, in a folder of their own.
///
/// A checkpoint is written into a hidden temporary folder, synced to the disk and renamed. If the process is killed while it
/// writes, no incomplete checkpoint is left under the name of a complete one. Only one process at a time may use the folder;
/// a program can ensure this with `OutputFolder` of `ia3-io`, as the program `ia3` does.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    dir: PathBuf,
    fingerprint: Fingerprint,
}

impl Checkpoints {
    /// The checkpoints in `dir`, which need not exist yet, of the training that `fingerprint` identifies.
    pub fn new(dir: impl Into<PathBuf>, fingerprint: Fingerprint) -> Self {
        Self { dir: dir.into(), fingerprint }
    }

    /// The steps that have a complete checkpoint, in ascending order.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::File`] if the folder cannot be read.
    pub fn steps(&self) -> Result<Vec<usize>, CheckpointError> {
        let entries = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            entries => entries.map_err(|e| CheckpointError::file("read", &self.dir, e))?,
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut steps: Vec<usize> =
            names.filter_map(|name| name.strip_prefix("step-")?.parse().ok()).collect();
        steps.sort();
        Ok(steps)
    }

    /// The folder of the checkpoint of a step.
    pub fn path(&self, step: usize) -> PathBuf {
        self.dir.join(format!("step-{step:06}"))
    }

    /// Writes a checkpoint, and replaces that of the same step. `add` may write further files, such as the adapter, into the
    /// folder that it is given.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::File`] if a file cannot be written, and any error of `add`. Then there is no new checkpoint.
    pub fn write<T: Serialize, E: From<CheckpointError>>(
        &self,
        state: &TrainState,
        progress: &T,
        add: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        fs::create_dir_all(&self.dir).map_err(|e| CheckpointError::file("make the folder", &self.dir, e))?;
        let temporary = tempfile::Builder::new().prefix(".step-").tempdir_in(&self.dir);
        let temporary = temporary.map_err(|e| CheckpointError::file("write into", &self.dir, e))?;
        add(temporary.path())?;
        Record::new(state.step, &self.fingerprint, progress).write(temporary.path(), &state.values)?;
        let target = self.path(state.step);
        folder::complete(temporary.path()).map_err(|e| CheckpointError::file("write", &target, e))?;
        self.remove(state.step)?;
        folder::publish(temporary, &target)?;
        Ok(target)
    }

    /// Reads the checkpoint of a step.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::File`] if a file cannot be read, [`CheckpointError::FingerprintFormat`] for a checkpoint of a
    /// version whose fingerprint cannot be compared, and [`CheckpointError::OtherRun`] with every difference for a checkpoint
    /// of another training.
    pub fn read<T: for<'de> Deserialize<'de>>(&self, step: usize) -> Result<Checkpoint<T>, CheckpointError> {
        let path = self.path(step);
        let (record, values) = Record::read(&path, &self.fingerprint)?;
        Ok(Checkpoint { path, state: TrainState { step: record.step, values }, progress: record.progress })
    }

    /// Removes all checkpoints except the last `limit` and those of the steps in `keep`. Also removes what interrupted writes
    /// left behind.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::File`] if a checkpoint cannot be removed.
    pub fn prune(&self, limit: usize, keep: &[usize]) -> Result<(), CheckpointError> {
        let steps = self.steps()?;
        let old = steps.len().saturating_sub(limit);
        steps[..old].iter().filter(|step| !keep.contains(step)).try_for_each(|&step| self.remove(step))?;
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let leftovers = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(".step-"));
        leftovers.map(|entry| entry.path()).try_for_each(|path| {
            fs::remove_dir_all(&path).map_err(|e| CheckpointError::file("remove", &path, e))
        })
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

    fn remove(&self, step: usize) -> Result<(), CheckpointError> {
        folder::remove(&self.path(step), &self.dir.join(format!(".step-{step:06}-removed")))
    }
}
