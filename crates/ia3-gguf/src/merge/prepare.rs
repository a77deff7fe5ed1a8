//! Trying the edits of a plan before a byte is written.

use ia3_guard::sha256;
use sha2::{Digest, Sha256};

use super::edit::{Edit, Outcome};
use super::pieces::{Segment, segments};
use super::plan::MergePlan;

use super::{MergeReport, MergedRecord};
use crate::blocks::Format;
use crate::error::{GgufError, MergeError};
use crate::file::GgufFile;

/// A merge whose edits have all been tried, so that only reading and writing can fail.
#[derive(Clone, Debug)]
pub struct PreparedMerge {
    pub(crate) plan: MergePlan,
    pub(crate) record: MergedRecord,
    report: MergeReport,
}

impl PreparedMerge {
    /// What the merge does.
    pub fn report(&self) -> &MergeReport {
        &self.report
    }
}

impl MergePlan {
    /// Tries every edit, and hashes the file. At most a few megabytes are in memory.
    ///
    /// # Errors
    ///
    /// [`MergeError::Range`] for a product that its type cannot hold, [`MergeError::Sign`],
    /// [`GgufError::File`].
    pub fn prepare(mut self, file: &GgufFile) -> Result<PreparedMerge, GgufError> {
        let (mut report, mut hash) = (MergeReport::default(), Sha256::new());
        for segment in segments(file, &self) {
            match segment {
                Segment::Copied(range) => {
                    file.for_range(range, |bytes| {
                        hash.update(&*bytes);
                        Ok(())
                    })?;
                }
                Segment::Edited(name) => {
                    let outcome = match self.try_edit(file, &name, &mut hash) {
                        Err(GgufError::Merge(MergeError::Sign { .. }))
                            if self.may_requantize(file, &name) =>
                        {
                            self.edits.entry(name.clone()).and_modify(|edit| edit.signs_as_columns());
                            // The file was hashed in part.
                            return self.prepare(file);
                        }
                        tried => tried?,
                    };
                    self.note(file, &name, outcome, &mut report);
                }
            }
        }
        report.base_sha256 = sha256::hex(&hash.finalize());
        let record =
            MergedRecord { base_sha256: report.base_sha256.clone(), adapters: self.options.adapters.clone() };
        Ok(PreparedMerge { plan: self, record, report })
    }

    fn may_requantize(&self, file: &GgufFile, name: &str) -> bool {
        let format = file.tensor(name).and_then(|tensor| tensor.kind.format);
        self.options.requantize && format.is_some_and(Format::can_encode)
    }

    fn try_edit(&self, file: &GgufFile, name: &str, hash: &mut Sha256) -> Result<Outcome, GgufError> {
        let mut outcome = Outcome::default();
        self.edited(file, name, &mut outcome, |before| hash.update(before), |_| Ok(()))?;
        Ok(outcome)
    }

    fn note(&self, file: &GgufFile, name: &str, outcome: Outcome, report: &mut MergeReport) {
        let Some(tensor) = file.tensor(name) else { return };
        report.tensors.insert(name.to_owned(), tensor.kind.name);
        report.rounding = report.rounding.and(outcome.rounding);
        let requantizes = |edit: &Edit| tensor.kind.format.is_some_and(|f| edit.requantizes(f));
        if self.edits.get(name).is_some_and(requantizes) {
            let relative = if outcome.norm == 0.0 { 0.0 } else { (outcome.error / outcome.norm).sqrt() };
            report.requantized.insert(name.to_owned(), relative);
        }
    }
}
