use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::Path;

use crate::error::CheckpointError;

/// Keeps other processes from training in a folder. The operating system releases it when the process ends.
#[derive(Debug)]
pub struct TrainLock {
    _file: File,
}

impl TrainLock {
    pub(crate) fn new(dir: &Path) -> Result<Self, CheckpointError> {
        let path = dir.join(".lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|e| CheckpointError::file("write", &path, e))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(CheckpointError::InUse { path: dir.to_owned() }),
            // The file system has no locks, so the check is skipped.
            Err(TryLockError::Error(e)) if e.kind() == ErrorKind::Unsupported => Ok(Self { _file: file }),
            Err(TryLockError::Error(e)) => Err(CheckpointError::file("lock", &path, e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{CheckpointError, Checkpoints};

    #[test]
    fn two_trainings_do_not_share_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::new(dir.path().join("checkpoints"), Default::default());
        let lock = checkpoints.lock().unwrap();
        assert!(matches!(checkpoints.lock(), Err(CheckpointError::InUse { .. })));
        drop(lock);
        checkpoints.lock().unwrap();
        assert!(checkpoints.steps().unwrap().is_empty());
    }
}
