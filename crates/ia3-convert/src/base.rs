//! The weights of a base in files of `torch.save`, written as safetensors.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ia3_io::fs::{FolderWrite, Limit, OutputFolder, read_text};
use ia3_io::safetensors::{Source, pytorch_metadata, write_file};
use ia3_io::{CheckpointError, add_sidecars};
use serde::Deserialize;

use crate::error::ConvertError;
use ia3_torch::{TorchError, TorchFile, TorchFloats};

const WEIGHTS: &str = "pytorch_model.bin";
const INDEX: &str = "pytorch_model.bin.index.json";
const CONFIG: &str = "config.json";
/// The file that is written.
const SAFETENSORS: &str = "model.safetensors";

/// What [`convert_base`] wrote.
#[derive(Debug)]
#[non_exhaustive]
pub struct ConvertedBase {
    /// Number of tensors.
    pub tensors: usize,
    /// The names of what is no tensor of floats, such as buffers of masks, and was left out.
    pub left_out: Vec<String>,
    /// The size of the weights.
    pub bytes: u64,
    /// What earlier writes, in processes that were killed, had left.
    pub leftovers: Vec<ia3_io::fs::Leftover>,
}

/// Writes the base in the folder `dir`, whose weights are `pytorch_model.bin` or its shards, into the folder `out` as
/// `model.safetensors`, with its configuration and tokenizer beside it. Values keep their bits and dtypes. Weights of several
/// names are written under each of them.
///
/// The files are read as data: a pickle that refers to anything but tensors is refused. At most one storage is in memory at a
/// time.
///
/// # Errors
///
/// [`ConvertError::File`] if a file cannot be read or written, [`ConvertError::Torch`] if it is no file of tensors,
/// [`ConvertError::Index`] for an index that is none, and [`ConvertError::Checkpoint`] if both folders are one.
pub fn convert_base(dir: impl AsRef<Path>, out: impl AsRef<Path>) -> Result<ConvertedBase, ConvertError> {
    let dir = dir.as_ref();
    let open = |path: PathBuf| Ok(RefCell::new(TorchFile::open(&path)?));
    let files: Vec<RefCell<TorchFile>> =
        shards(dir)?.into_iter().map(open).collect::<Result<_, TorchError>>()?;
    let (mut sources, mut left_out, mut names) = (vec![], vec![], BTreeSet::new());
    for file in &files {
        let (floats, others) = file.borrow_mut().floats()?;
        left_out.extend(others);
        for TorchFloats { key, dtype, shape, .. } in floats {
            if !names.insert(key.clone()) {
                let path = file.borrow().path().to_owned();
                return Err(TorchError::DuplicateKey { path, key }.into());
            }
            let name = key.clone();
            let write = Box::new(move |out: &mut dyn std::io::Write| file.borrow_mut().write(&key, out));
            sources.push(Source { name, dtype, shape, write });
        }
    }
    let folder = OutputFolder::lock(out)?;
    let mut write = FolderWrite::new(&folder)?;
    add_sidecars(&mut write, dir)?;
    write.file(SAFETENSORS, |out| write_file(out, sources, &pytorch_metadata()))?;
    write.last(&[CONFIG]);
    let bytes = write.commit()?.bytes;
    Ok(ConvertedBase { tensors: names.len(), left_out, bytes, leftovers: folder.leftovers().to_vec() })
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// The files of the weights.
fn shards(dir: &Path) -> Result<Vec<PathBuf>, ConvertError> {
    let (single, index) = (dir.join(WEIGHTS), dir.join(INDEX));
    if single.exists() || !index.exists() {
        return Ok(vec![single]);
    }
    let text = read_text(&index, Limit::CONFIG)?;
    let bad = |reason: String| ConvertError::Index { path: index.clone(), reason };
    let parsed: Index = serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
    let names: BTreeSet<String> = parsed.weight_map.into_values().collect();
    match names.iter().find(|name| name.contains(['/', '\\']) || *name == "..") {
        Some(name) => Err(bad(format!("the shard `{name}` is not a file in the folder"))),
        None => Ok(names.iter().map(|name| dir.join(name)).collect()),
    }
}

impl From<CheckpointError> for ConvertError {
    fn from(error: CheckpointError) -> Self {
        match error {
            CheckpointError::File(error) => Self::File(error),
            other => Self::Checkpoint(Box::new(other)),
        }
    }
}
