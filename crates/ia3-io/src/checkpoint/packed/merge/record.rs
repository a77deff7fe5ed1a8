//! What the metadata of a file says about the adapters that were merged into it.

use std::collections::BTreeMap;

use super::PackedMergeError;
use crate::checkpoint::Checkpoint;

const BASE: &str = "ia3.merged.base_sha256";
const ADAPTERS: &str = "ia3.merged.adapters_sha256";

/// The record of a merge.
pub(super) struct Record {
    /// The SHA-256 of the file that was merged into.
    pub(super) base: String,
    /// The SHA-256 of the weights of each adapter.
    pub(super) adapters: Vec<String>,
}

impl Record {
    /// Refuses a checkpoint into which adapters were merged before.
    pub(super) fn refuse(checkpoint: &Checkpoint) -> Result<(), PackedMergeError> {
        for file in checkpoint.stored().files() {
            if let Some(base) = file.metadata.get(BASE) {
                let adapters = file.metadata.get(ADAPTERS).cloned().unwrap_or_default();
                let (path, base) = (file.path.clone(), base.clone());
                return Err(PackedMergeError::AlreadyMerged { path, adapters, base });
            }
        }
        Ok(())
    }

    /// The metadata of a file with the record.
    pub(super) fn added(&self, metadata: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut metadata = metadata.clone();
        metadata.insert(BASE.into(), self.base.clone());
        metadata.insert(ADAPTERS.into(), self.adapters.join(", "));
        metadata
    }
}
