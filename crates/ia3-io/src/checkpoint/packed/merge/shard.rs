//! Writing one file of a merged folder.

use std::io::{self, Write};

use ia3_gguf::Rounding;
use safetensors::tensor::TensorInfo;

use super::PackedMergeError;
use super::plan::Plan;
use super::record::Record;
use crate::checkpoint::Checkpoint;
use crate::safetensors::{Entry, TensorFile, header};

/// How many bytes of a tensor that stays are in memory.
const CHUNK: usize = 4 << 20;

/// Writes a file with its edits: the tensors in their order, and the record in the metadata. What reading and the edits say is
/// left in `failed`.
pub(super) fn write(
    file: &Checkpoint,
    shard: &TensorFile,
    plan: &Plan,
    record: &Record,
    out: &mut dyn Write,
    rounding: &mut Rounding,
    failed: &mut Option<PackedMergeError>,
) -> io::Result<()> {
    let mut tensors: Vec<(&String, &Entry)> = shard.tensors.iter().collect();
    tensors.sort_by_key(|(name, entry)| (entry.start(), entry.bytes, *name));
    let mut at = 0;
    let infos = tensors.iter().map(|(name, entry)| {
        let data_offsets = (at, at + entry.bytes);
        at = data_offsets.1;
        (name.as_str(), TensorInfo { dtype: entry.dtype, shape: entry.shape.clone(), data_offsets })
    });
    out.write_all(&header(infos, &record.added(&shard.metadata))?)?;
    for (name, entry) in tensors {
        match plan.edits.get(name) {
            None => copy(shard, entry, out, failed)?,
            Some(edit) => {
                let edited =
                    shard.bytes(name, entry).map_err(PackedMergeError::from).and_then(|mut bytes| {
                        edit.apply(file, name, &mut bytes, rounding)?;
                        Ok(bytes)
                    });
                match edited {
                    Ok(bytes) => out.write_all(&bytes)?,
                    Err(error) => return Err(stop(error, failed)),
                }
            }
        }
    }
    Ok(())
}

fn copy(
    shard: &TensorFile,
    entry: &Entry,
    out: &mut dyn Write,
    failed: &mut Option<PackedMergeError>,
) -> io::Result<()> {
    let mut written = Ok(());
    let read = shard.for_each_chunk(entry, CHUNK, |bytes| {
        if written.is_ok() {
            written = out.write_all(bytes);
        }
    });
    written?;
    read.map_err(|error| stop(error.into(), failed))
}

fn stop(error: PackedMergeError, failed: &mut Option<PackedMergeError>) -> io::Error {
    let stopped = io::Error::other(error.to_string());
    failed.get_or_insert(error);
    stopped
}
