//! Merging adapters into weights that another program quantised. Their format is kept, and so are their integers where that is
//! possible.

mod edit;
mod error;
mod exact;
mod factors;
mod folder;
mod nested;
mod plan;
mod record;
mod requantize;
mod shard;

use std::path::{Path, PathBuf};

use ia3_config::{FeedForward, ModelInfo};
use ia3_gguf::MergeReport;
use ia3_guard::sha256;

pub use self::error::PackedMergeError;
use self::factors::Factors;
use self::plan::Plan;
use self::record::Record;
use crate::adapter::AdapterFile;
use crate::checkpoint::{Checkpoint, LoadOptions};
use crate::fs::{FileError, OutputFolder};

/// The model of a quantised base, which its files do not describe.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PackedModel {
    /// Its layers.
    pub info: ModelInfo,
    /// The blocks in which factors of a layer's inputs can move to the layer before.
    pub feed_forwards: Vec<FeedForward>,
    /// How its tensors are called in the files.
    pub names: LoadOptions,
}

impl PackedModel {
    /// The model with these layers.
    pub fn new(info: ModelInfo, feed_forwards: Vec<FeedForward>, names: LoadOptions) -> Self {
        Self { info, feed_forwards, names }
    }
}

/// Merges the adapters of some folders into a folder whose weights GPTQ, AWQ, bitsandbytes or torchao quantised, and writes the
/// result to another folder in the same format.
///
/// Vectors of outputs are multiplied into the scales, those on the inputs of a feed-forward block's last layer into the
/// scales of the layer before; behind a ReLU, the integers of a column with a negative factor change their signs. All other
/// tensors stay byte for byte, and so do the configuration, the tokenizer and the other files. The metadata of every file that
/// is changed gets the hashes of the adapters and of the file before. The folder is complete or absent, whatever interrupts
/// the write.
///
/// `requantize` allows quantising those weights again into which a vector cannot be merged so: with round to nearest, in their groups,
/// rows or blocks. The report has their relative errors. The new tensors of these weights are in memory together.
///
/// # Errors
///
/// [`PackedMergeError`]; nothing is written then.
pub fn merge_packed(
    base: &Path,
    adapters: &[PathBuf],
    out: &OutputFolder,
    model: &PackedModel,
    requantize: bool,
) -> Result<MergeReport, PackedMergeError> {
    let checkpoint = Checkpoint::open(base)?;
    if !base.is_dir() || !checkpoint.is_packed() {
        return Err(PackedMergeError::NotPacked { path: base.to_owned() });
    }
    if out.is(base) {
        return Err(PackedMergeError::SameFolder { path: base.to_owned() });
    }
    Record::refuse(&checkpoint)?;
    let mut factors = Factors::default();
    let mut hashes = vec![];
    for path in adapters {
        let adapter = AdapterFile::open(path)?;
        factors.add(&adapter, model)?;
        let read = |source| FileError::io("read", &adapter.path, source);
        hashes.push(sha256::of_file(&adapter.path).map_err(read)?);
    }
    let plan = Plan::new(&checkpoint, &factors, model, requantize)?;
    folder::write(&checkpoint, base, &plan, hashes, out)
}
