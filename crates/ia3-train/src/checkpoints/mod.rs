//! Checkpoints of a training: folders that are complete or absent.

mod file_names;
mod folder;
mod manifest;
mod record;
mod removal;

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
        let folders = entries.flatten().filter(|entry| entry.path().is_dir());
        let mut steps: Vec<usize> =
            folders.filter_map(|entry| step_of(entry.file_name().to_str()?)).collect();
        steps.sort();
        Ok(steps)
    }

    /// The folder of the checkpoint of a step.
    pub fn path(&self, step: usize) -> PathBuf {
        self.dir.join(name_of(step))
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
        let temporary = tempfile::Builder::new().prefix(HIDDEN).tempdir_in(&self.dir);
        let temporary = temporary.map_err(|e| CheckpointError::file("write into", &self.dir, e))?;
        add(temporary.path())?;
        Record::new(state.step, &self.fingerprint, progress).write(temporary.path(), &state.values)?;
        manifest::write(temporary.path())?;
        let target = self.path(state.step);
        folder::complete(temporary.path()).map_err(|e| CheckpointError::file("write", &target, e))?;
        self.remove(state.step)?;
        folder::publish(temporary, &target)?;
        Ok(target)
    }

    /// Reads the checkpoint of a step, and compares all its files with the hashes that were written with them.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::File`] if a file cannot be read, [`CheckpointError::Damaged`] if one is not as it was written,
    /// [`CheckpointError::OtherStep`] for a folder with another step's state, [`CheckpointError::FingerprintFormat`] for a checkpoint of a
    /// version whose fingerprint cannot be compared, and [`CheckpointError::OtherRun`] with every difference for a checkpoint
    /// of another training.
    pub fn read<T: for<'de> Deserialize<'de>>(&self, step: usize) -> Result<Checkpoint<T>, CheckpointError> {
        let path = self.path(step);
        let (record, values) = Record::read(&path, &self.fingerprint)?;
        if record.step != step {
            return Err(CheckpointError::OtherStep { path, found: record.step, expected: step });
        }
        Ok(Checkpoint { path, state: TrainState { step: record.step, values }, progress: record.progress })
    }
}

/// What the names of folders that are being written or removed begin with.
const HIDDEN: &str = ".step-";

fn name_of(step: usize) -> String {
    format!("step-{step:06}")
}

/// The step of a folder by its name, which is exactly the name that [`name_of`] gives.
fn step_of(name: &str) -> Option<usize> {
    name.strip_prefix("step-")?.parse().ok().filter(|&step| name_of(step) == name)
}
