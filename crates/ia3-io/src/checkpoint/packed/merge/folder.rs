//! Writing a merged folder.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use ia3_gguf::{MergeReport, Rounding};
use ia3_guard::sha256;

use super::plan::Plan;
use super::record::Record;
use super::{PackedMergeError, shard};
use crate::checkpoint::Checkpoint;
use crate::checkpoint::folder::{INDEX, weights_in};
use crate::checkpoint::quantization_config::CONFIG;
use crate::fs::{self, FileError, FolderWrite, OutputFolder, file_names};
use crate::safetensors::TensorFile;

/// How names of other copies of the weights end. These are not copied, because no adapter is merged into them.
const OTHER_WEIGHTS: [&str; 9] = ["safetensors", "bin", "pt", "pth", "ckpt", "h5", "msgpack", "onnx", "gguf"];

/// Writes the files of the base, those with edits merged.
pub(super) fn write(
    file: &Checkpoint,
    base: &Path,
    plan: &Plan,
    adapters: Vec<String>,
    out: &OutputFolder,
) -> Result<MergeReport, PackedMergeError> {
    let mut write = FolderWrite::new(out)?;
    let (mut rounding, mut hashes) = (Rounding::default(), vec![]);
    for tensors in file.stored().files() {
        let name = tensors.path.file_name().unwrap_or(OsStr::new("")).to_string_lossy().into_owned();
        if !tensors.tensors.keys().any(|tensor| plan.edits.contains_key(tensor)) {
            copy(&mut write, base, &name)?;
            continue;
        }
        let hash = sha256::of_file(&tensors.path);
        let hash = hash.map_err(|source| FileError::io("read", &tensors.path, source))?;
        let record = Record { base: hash.clone(), adapters: adapters.clone() };
        hashes.push(hash);
        edited(file, tensors, plan, &record, &mut write, &name, &mut rounding)?;
    }
    for name in file_names(base) {
        if is_copied(&name) && !write.has(&name) && base.join(&name).is_file() {
            copy(&mut write, base, &name)?;
        }
    }
    let old: Vec<String> = weights_in(write.path()).collect();
    old.into_iter().for_each(|name| write.remove(name));
    write.last(&[INDEX, CONFIG]);
    write.commit()?;
    Ok(report(file, plan, rounding, hashes.join(", ")))
}

fn edited(
    file: &Checkpoint,
    tensors: &TensorFile,
    plan: &Plan,
    record: &Record,
    write: &mut FolderWrite,
    name: &str,
    rounding: &mut Rounding,
) -> Result<(), PackedMergeError> {
    let mut failed = None;
    let written =
        write.file(name, |out| shard::write(file, tensors, plan, record, out, rounding, &mut failed));
    match failed {
        Some(error) => Err(error),
        None => Ok(written?),
    }
}

fn copy(write: &mut FolderWrite, base: &Path, name: &str) -> Result<(), FileError> {
    let mut source = fs::open(&base.join(name))?;
    write.file(name, |out| io::copy(&mut source, out).map(drop))
}

/// Whether a file belongs to the result: no hidden file, and no other copy of the weights.
fn is_copied(name: &str) -> bool {
    let extension = Path::new(name).extension().map(|extension| extension.to_string_lossy());
    !name.starts_with('.')
        && !extension.is_some_and(|found| OTHER_WEIGHTS.iter().any(|other| found == *other))
}

fn report(file: &Checkpoint, plan: &Plan, rounding: Rounding, base_sha256: String) -> MergeReport {
    let mut report = MergeReport::default();
    for name in plan.edits.keys() {
        let Ok((_, entry)) = file.stored().entry(name) else { continue };
        report.tensors.insert(name.clone(), dtype_name(entry.dtype));
    }
    report.rounding = rounding;
    report.requantized.clone_from(&plan.requantized);
    report.base_sha256 = base_sha256;
    report
}

fn dtype_name(dtype: safetensors::Dtype) -> &'static str {
    use safetensors::Dtype::{BF16, F16, F32, I8, I32, U8};
    match dtype {
        F32 => "F32",
        F16 => "F16",
        BF16 => "BF16",
        I32 => "I32",
        I8 => "I8",
        U8 => "U8",
        _ => "other",
    }
}
