//! Merging adapter folders into a GGUF file.

use std::path::{Path, PathBuf};

use ia3_gguf::{GgufError, GgufFile, MergeOptions, MergePlan, MergeReport, ModuleVector};
use ia3_guard::sha256;

use super::GgufFileError;
use crate::adapter::AdapterFile;
use crate::fs::{FileError, write_file_with};

/// Merges the adapters of some folders into a GGUF file and writes the result to another file.
///
/// Only the scales of the blocks that a vector scales change, and the values of float tensors; all other bytes of the
/// tensors stay, and so does the metadata, to which the hashes of the adapters and of the base are added. The file is
/// complete or absent, whatever interrupts the write, and not much more than a megabyte of it is in memory at a time.
/// `requantize` allows quantising those tensors again that cannot be scaled exactly.
///
/// # Errors
///
/// [`GgufFileError::Gguf`] with [`ia3_gguf::MergeError`] for what cannot be merged; [`GgufFileError::Adapter`],
/// [`GgufFileError::Saved`], [`GgufFileError::SameFile`] and [`GgufFileError::File`]. Nothing is written then.
pub fn merge_gguf(
    base: &Path,
    adapters: &[PathBuf],
    out: &Path,
    requantize: bool,
) -> Result<MergeReport, GgufFileError> {
    let (mut vectors, mut hashes) = (vec![], vec![]);
    for path in adapters {
        let adapter = AdapterFile::open(path)?;
        vectors.extend(vectors_of(&adapter)?);
        let read = |source| GgufError::File(FileError::io("read", &adapter.path, source));
        hashes.push(sha256::of_file(&adapter.path).map_err(read)?);
    }
    let file = GgufFile::open(base)?;
    if is_same_file(base, out) {
        return Err(GgufFileError::SameFile { path: out.to_owned() });
    }
    let options = MergeOptions::new().with_requantize(requantize).with_adapters(hashes);
    let prepared = MergePlan::new(&file, &vectors, options)?.prepare(&file)?;
    write_file_with(out, |to| prepared.write(&file, to))?;
    Ok(prepared.report().clone())
}

fn vectors_of(adapter: &AdapterFile) -> Result<Vec<ModuleVector>, GgufFileError> {
    if !adapter.saved.is_empty() {
        let (path, parameters) = (adapter.path.clone(), adapter.saved.keys().cloned().collect());
        return Err(GgufFileError::Saved { path, parameters });
    }
    let placements = adapter.placements(None)?;
    let vector = |(module, placement)| {
        let values = adapter.vectors.get(&module).map(|vector| vector.values.clone()).unwrap_or_default();
        ModuleVector { module, placement, values }
    };
    Ok(placements.into_iter().map(vector).collect())
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}
