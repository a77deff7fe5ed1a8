//! The files of a checkpoint.

use std::fs;
use std::path::Path;

use ia3_guard::{Limit, read_bytes};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::file_names::{STATE, VALUES};
use super::manifest;
use crate::error::CheckpointError;
use crate::fingerprint::Fingerprint;

/// More than the memory of any machine, so that only a device or a pipe is refused.
const STATE_LIMIT: Limit = Limit { bytes: 1 << 42, what: "the state of a training" };

/// The content of `trainer_state.json`.
#[derive(Serialize, Deserialize)]
pub(super) struct Record<T> {
    pub(super) step: usize,
    /// Files of format 1 have no such field.
    #[serde(default = "first_format")]
    fingerprint_format: u32,
    fingerprint: Fingerprint,
    pub(super) progress: T,
}

impl<T> Record<T> {
    pub(super) fn new(step: usize, fingerprint: &Fingerprint, progress: T) -> Self {
        let (fingerprint_format, fingerprint) = (Fingerprint::FORMAT, fingerprint.clone());
        Self { step, fingerprint_format, fingerprint, progress }
    }
}

impl<T: Serialize> Record<T> {
    /// Writes both files into the folder `dir`; `values` is the state of the training.
    pub(super) fn write(&self, dir: &Path, values: &[u8]) -> Result<(), CheckpointError> {
        let json = serde_json::to_vec_pretty(self);
        let json = json.map_err(|e| CheckpointError::file("write", &dir.join(STATE), e.into()))?;
        for (name, bytes) in [(VALUES, values), (STATE, &json)] {
            let path = dir.join(name);
            fs::write(&path, bytes).map_err(|e| CheckpointError::file("write", &path, e))?;
        }
        Ok(())
    }
}

impl<T: DeserializeOwned> Record<T> {
    /// Reads both files of the folder `dir`. Refuses a checkpoint that does not have the fingerprint `expected`.
    pub(super) fn read(dir: &Path, expected: &Fingerprint) -> Result<(Self, Vec<u8>), CheckpointError> {
        let bytes = |name: &str| {
            let path = dir.join(name);
            read_bytes(&path, STATE_LIMIT).map_err(|e| CheckpointError::file("read", &path, e.reason()))
        };
        let failed =
            |e: serde_json::Error| CheckpointError::Damaged { path: dir.join(STATE), reason: e.to_string() };
        // A checkpoint of an earlier version has no manifest. It is refused by the format of its fingerprint.
        if manifest::exists(dir) {
            manifest::check(dir)?;
        }
        // The progress of another program may be of another type, so the fingerprint is compared first.
        let Record::<Value> { step, fingerprint_format, fingerprint, progress } =
            serde_json::from_slice(&bytes(STATE)?).map_err(failed)?;
        check(dir, expected, (fingerprint_format, &fingerprint))?;
        if !manifest::exists(dir) {
            return Err(manifest::missing(dir));
        }
        let progress = serde_json::from_value(progress).map_err(failed)?;
        Ok((Self { step, fingerprint_format, fingerprint, progress }, bytes(VALUES)?))
    }
}

fn check(
    dir: &Path,
    expected: &Fingerprint,
    (format, found): (u32, &Fingerprint),
) -> Result<(), CheckpointError> {
    let path = dir.to_owned();
    if format != Fingerprint::FORMAT {
        let expected = Fingerprint::FORMAT;
        return Err(CheckpointError::FingerprintFormat { path, found: format, expected });
    }
    match expected.differences(found) {
        differences if differences.is_empty() => Ok(()),
        differences => Err(CheckpointError::OtherRun { path, differences }),
    }
}

fn first_format() -> u32 {
    1
}
