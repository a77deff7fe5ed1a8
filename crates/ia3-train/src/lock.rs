use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::Path;

use crate::checkpoints::failed;
use crate::error::TrainError;

/// Keeps other processes from training in a folder; the system lets go of it when the process dies.
#[derive(Debug)]
pub struct TrainLock {
    _file: File,
}

impl TrainLock {
    pub(crate) fn new(dir: &Path) -> Result<Self, TrainError> {
        let path = dir.join(".lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|e| failed("write", &path, e))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(TrainError::InUse { path: dir.to_owned() }),
            // A file system without locks: nothing is lost but the check.
            Err(TryLockError::Error(e)) if e.kind() == ErrorKind::Unsupported => Ok(Self { _file: file }),
            Err(TryLockError::Error(e)) => Err(failed("lock", &path, e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Checkpoints, TrainError};

    #[test]
    fn two_trainings_do_not_share_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::new(dir.path().join("checkpoints"), Default::default());
        let lock = checkpoints.lock().unwrap();
        assert!(matches!(checkpoints.lock(), Err(TrainError::InUse { .. })));
        drop(lock);
        checkpoints.lock().unwrap();
        assert!(checkpoints.steps().unwrap().is_empty());
    }
}
