//! Checkpoints of a training: folders that are there whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Difference, TrainError};
use crate::lock::TrainLock;
use crate::state::TrainState;

const STATE: &str = "trainer_state.json";
const VALUES: &str = "trainer_state.bpk";

/// What a training is of: names and values that must be the same for it to go on.
pub type Fingerprint = BTreeMap<String, String>;

/// One checkpoint.
#[derive(Clone, Debug)]
pub struct Checkpoint<T> {
    /// Its folder, `step-000500`.
    pub path: PathBuf,
    /// Where the training stood.
    pub state: TrainState,
    /// What the program added: losses, the best evaluation, patience.
    pub progress: T,
}

/// `trainer_state.json`.
#[derive(Serialize, Deserialize)]
struct Record<T> {
    step: usize,
    fingerprint: Fingerprint,
    progress: T,
}

/// The folder `checkpoints` of a training.
///
/// A checkpoint is written into a hidden temporary folder, synced to the disk and renamed, so one that a kill
/// interrupted is never mistaken for a whole one.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    dir: PathBuf,
    fingerprint: Fingerprint,
}

impl Checkpoints {
    /// Those in `dir`, which need not be there yet, of the training that `fingerprint` describes.
    pub fn new(dir: impl Into<PathBuf>, fingerprint: Fingerprint) -> Self {
        Self { dir: dir.into(), fingerprint }
    }

    /// Keeps other processes from training here, as long as the result lives.
    ///
    /// # Errors
    ///
    /// [`TrainError::InUse`] while another does, [`TrainError::Checkpoint`] where the folder cannot be written.
    pub fn lock(&self) -> Result<TrainLock, TrainError> {
        fs::create_dir_all(&self.dir).map_err(|e| failed("make the folder", &self.dir, e))?;
        TrainLock::new(&self.dir)
    }

    /// The steps that have a whole checkpoint, in order.
    ///
    /// # Errors
    ///
    /// [`TrainError::Checkpoint`] if the folder cannot be read.
    pub fn steps(&self) -> Result<Vec<usize>, TrainError> {
        let entries = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            entries => entries.map_err(|e| failed("read", &self.dir, e))?,
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut steps: Vec<usize> =
            names.filter_map(|name| name.strip_prefix("step-")?.parse().ok()).collect();
        steps.sort();
        Ok(steps)
    }

    /// The folder of a step.
    pub fn path(&self, step: usize) -> PathBuf {
        self.dir.join(format!("step-{step:06}"))
    }

    /// Writes a checkpoint; `add` may write further files into the folder that it is given, such as the adapter.
    /// One that is there already is replaced.
    ///
    /// # Errors
    ///
    /// [`TrainError::Checkpoint`] while writing, and what `add` returns; then none is there.
    pub fn write<T: Serialize, E: From<TrainError>>(
        &self,
        state: &TrainState,
        progress: &T,
        add: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        fs::create_dir_all(&self.dir).map_err(|e| failed("make the folder", &self.dir, e))?;
        let temporary = tempfile::Builder::new().prefix(".step-").tempdir_in(&self.dir);
        let temporary = temporary.map_err(|e| failed("write into", &self.dir, e))?;
        add(temporary.path())?;
        let Self { fingerprint, .. } = self.clone();
        let record = Record { step: state.step, fingerprint, progress };
        let json =
            serde_json::to_vec_pretty(&record).map_err(|e| failed("write", temporary.path(), e.into()))?;
        for (name, bytes) in [(VALUES, &state.values), (STATE, &json)] {
            let path = temporary.path().join(name);
            fs::write(&path, bytes).map_err(|e| failed("write", &path, e))?;
        }
        Ok(self.publish(temporary, state.step)?)
    }

    fn publish(&self, temporary: tempfile::TempDir, step: usize) -> Result<PathBuf, TrainError> {
        let target = self.path(step);
        readable(temporary.path())
            .and_then(|()| sync(temporary.path()))
            .map_err(|e| failed("write", &target, e))?;
        self.remove(step)?;
        fs::rename(temporary.path(), &target).map_err(|e| failed("write", &target, e))?;
        // It has another name now, so there is nothing to remove.
        let _ = temporary.keep();
        sync_list(&self.dir).map_err(|e| failed("write", &target, e))?;
        Ok(target)
    }

    /// Reads the checkpoint of a step.
    ///
    /// # Errors
    ///
    /// [`TrainError::Checkpoint`] for one that cannot be read, [`TrainError::OtherRun`] with every difference for one of
    /// another training.
    pub fn read<T: for<'de> Deserialize<'de>>(&self, step: usize) -> Result<Checkpoint<T>, TrainError> {
        let path = self.path(step);
        let bytes = |name: &str| {
            let file = path.join(name);
            fs::read(&file).map_err(|e| failed("read", &file, e))
        };
        let record: Record<serde_json::Value> = serde_json::from_slice(&bytes(STATE)?)
            .map_err(|e| failed("read", &path.join(STATE), e.into()))?;
        self.check(&path, &record.fingerprint)?;
        let progress = serde_json::from_value(record.progress)
            .map_err(|e| failed("read", &path.join(STATE), e.into()))?;
        let state = TrainState { step: record.step, values: bytes(VALUES)? };
        Ok(Checkpoint { path, state, progress })
    }

    /// Everything in which the checkpoint differs.
    fn check(&self, path: &Path, found: &Fingerprint) -> Result<(), TrainError> {
        let names: BTreeSet<&String> = self.fingerprint.keys().chain(found.keys()).collect();
        let value = |of: &Fingerprint, name: &str| of.get(name).map_or("absent", String::as_str).to_string();
        let difference = |name: &String| Difference {
            name: name.clone(),
            found: value(found, name),
            expected: value(&self.fingerprint, name),
        };
        let differences = names.into_iter().map(difference).filter(|d| d.found != d.expected);
        match differences.collect::<Vec<_>>() {
            differences if differences.is_empty() => Ok(()),
            differences => Err(TrainError::OtherRun { path: path.to_owned(), differences }),
        }
    }

    /// Removes all but the last `limit` and those of the steps in `keep`, and what interrupted writes left behind.
    ///
    /// # Errors
    ///
    /// [`TrainError::Checkpoint`] if one cannot be removed.
    pub fn prune(&self, limit: usize, keep: &[usize]) -> Result<(), TrainError> {
        let steps = self.steps()?;
        let old = steps.len().saturating_sub(limit);
        steps[..old].iter().filter(|step| !keep.contains(step)).try_for_each(|&step| self.remove(step))?;
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let left = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(".step-"));
        left.map(|entry| entry.path())
            .try_for_each(|path| fs::remove_dir_all(&path).map_err(|e| failed("remove", &path, e)))
    }

    /// Removes those of later steps, such as steps that have turned out to be bad.
    ///
    /// # Errors
    ///
    /// [`TrainError::Checkpoint`] if one cannot be removed.
    pub fn remove_after(&self, step: usize) -> Result<(), TrainError> {
        let later = self.steps()?.into_iter().filter(|&other| other > step);
        later.rev().try_for_each(|step| self.remove(step))
    }

    /// Hidden first, so that a kill in between leaves no half a checkpoint under its name.
    fn remove(&self, step: usize) -> Result<(), TrainError> {
        let path = self.path(step);
        if !path.exists() {
            return Ok(());
        }
        let doomed = self.dir.join(format!(".step-{step:06}-removed"));
        if doomed.exists() {
            fs::remove_dir_all(&doomed).map_err(|e| failed("remove", &doomed, e))?;
        }
        let removed = fs::rename(&path, &doomed).and_then(|()| fs::remove_dir_all(&doomed));
        removed.map_err(|e| failed("remove", &path, e))
    }
}

/// With the permissions of any new folder, where the library's temporary ones are the owner's alone.
fn readable(dir: &Path) -> io::Result<()> {
    // A hidden name, which nothing that a program adds has.
    let plain = dir.join(".plain");
    fs::create_dir(&plain)?;
    fs::set_permissions(dir, fs::metadata(&plain)?.permissions())?;
    fs::remove_dir(&plain)
}

/// A folder's files, those in folders inside and its list of them, onto the disk.
fn sync(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() { sync(&path)? } else { File::open(path)?.sync_all()? }
    }
    sync_list(dir)
}

/// A folder's list of what it holds, onto the disk.
fn sync_list(dir: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}

pub(crate) fn failed(action: &'static str, path: &Path, source: io::Error) -> TrainError {
    TrainError::Checkpoint { action, path: path.to_owned(), source }
}
