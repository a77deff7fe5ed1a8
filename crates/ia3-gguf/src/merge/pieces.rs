//! The parts of a file that stay and that are edited, read a piece at a time.

use std::ops::Range;

use super::edit::Outcome;
use super::plan::MergePlan;
use crate::error::GgufError;
use crate::file::{GgufFile, PIECE, for_pieces};

/// A part of a file.
pub(crate) enum Segment {
    /// Bytes that stay.
    Copied(Range<u64>),
    /// A tensor that is edited.
    Edited(String),
}

/// The parts of a file in order.
pub(crate) fn segments(file: &GgufFile, plan: &MergePlan) -> Vec<Segment> {
    let mut edited: Vec<_> =
        file.tensors().iter().filter(|tensor| plan.edits.contains_key(&tensor.name)).collect();
    edited.sort_by_key(|tensor| tensor.offset);
    let (mut segments, mut at) = (Vec::new(), 0);
    for tensor in edited {
        segments.push(Segment::Copied(at..file.start(tensor)));
        segments.push(Segment::Edited(tensor.name.clone()));
        at = file.start(tensor) + tensor.bytes;
    }
    segments.push(Segment::Copied(at..file.size()));
    segments
}

impl GgufFile {
    /// Calls `f` with the bytes of a range of the file, a piece at a time.
    pub(crate) fn for_range(
        &self,
        range: Range<u64>,
        mut f: impl FnMut(&mut [u8]) -> Result<(), GgufError>,
    ) -> Result<(), GgufError> {
        let mut bytes = Vec::new();
        for_pieces(range.end.saturating_sub(range.start), PIECE as u64, |at, len| {
            bytes.resize(len, 0);
            self.read_at(range.start + at, &mut bytes)?;
            f(&mut bytes)
        })
    }
}

impl MergePlan {
    /// Calls `before` with the bytes of a tensor and `after` with the edited ones, a piece at a time.
    pub(crate) fn edited(
        &self,
        file: &GgufFile,
        name: &str,
        outcome: &mut Outcome,
        mut before: impl FnMut(&[u8]),
        mut after: impl FnMut(&[u8]) -> Result<(), GgufError>,
    ) -> Result<(), GgufError> {
        let (Some(tensor), Some(edit)) = (file.tensor(name), self.edits.get(name)) else { return Ok(()) };
        let format = tensor.kind.format.ok_or_else(|| tensor.not("merged into"))?;
        let size = format.block().1;
        let mut bytes = Vec::new();
        for_pieces(tensor.bytes, (PIECE / size * size) as u64, |at, len| {
            bytes.resize(len, 0);
            file.read_at(file.start(tensor) + at, &mut bytes)?;
            before(&bytes);
            edit.apply(tensor, format, at / size as u64, &mut bytes, outcome)?;
            after(&bytes)
        })
    }
}
