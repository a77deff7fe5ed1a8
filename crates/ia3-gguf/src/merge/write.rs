//! Writing the merged file: a new header, and the tensors with their edits.

use std::io::{self, Write};
use std::ops::Range;

use super::edit::Outcome;
use super::pieces::{Segment, segments};
use super::prepare::PreparedMerge;
use super::record::MergedRecord;
use crate::file::GgufFile;

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
