//! Writing the merged file: a new header, and the tensors with their edits.

use std::io::{self, Write};
use std::ops::Range;

use super::edit::Outcome;
use super::plan::MergePlan;
use super::prepare::PreparedMerge;
use super::record::MergedRecord;
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

impl PreparedMerge {
    /// Writes the merged file. All but the edited tensors, the two keys of the [`MergedRecord`] and the place where the
    /// tensors begin is as in `file`, which has to be the file that was prepared.
    ///
    /// # Errors
    ///
    /// What reading and writing say, and any error of the edits if the file has changed since it was prepared.
    pub fn write(&self, file: &GgufFile, out: &mut dyn Write) -> io::Result<()> {
        self.write_header(file, out)?;
        for segment in segments(file, &self.plan) {
            match segment {
                Segment::Copied(range) => {
                    let start = range.start.max(file.data_start());
                    copy(file, start..range.end, out)?;
                }
                Segment::Edited(name) => {
                    let mut failed = Ok(());
                    let edited = self.plan.edited(
                        file,
                        &name,
                        &mut Outcome::default(),
                        |_| {},
                        |bytes| {
                            if failed.is_ok() {
                                failed = out.write_all(bytes);
                            }
                            Ok(())
                        },
                    );
                    failed?;
                    edited.map_err(io::Error::other)?;
                }
            }
        }
        Ok(())
    }

    /// Everything before the tensors, with the keys of the record added.
    fn write_header(&self, file: &GgufFile, out: &mut dyn Write) -> io::Result<()> {
        let record = self.record.encoded();
        out.write_all(b"GGUF")?;
        out.write_all(&file.version().to_le_bytes())?;
        out.write_all(&(file.tensors().len() as u64).to_le_bytes())?;
        out.write_all(&(file.metadata().len() as u64 + MergedRecord::KEYS).to_le_bytes())?;
        copy(file, file.metadata_at(), out)?;
        out.write_all(&record)?;
        copy(file, file.infos_at(), out)?;
        let end = file.infos_at().end + record.len() as u64;
        let padding = end.next_multiple_of(file.alignment()) - end;
        out.write_all(&vec![0; padding as usize])
    }
}

fn copy(file: &GgufFile, range: Range<u64>, out: &mut dyn Write) -> io::Result<()> {
    let mut failed = Ok(());
    let read = file.for_range(range, |bytes| {
        if failed.is_ok() {
            failed = out.write_all(bytes);
        }
        Ok(())
    });
    failed?;
    read.map_err(io::Error::other)
}
