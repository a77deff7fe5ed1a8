//! `SHA256SUMS`: the files of a checkpoint and their hashes, in the format that `sha256sum --check` reads.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ia3_guard::{Limit, read_text};

use super::file_names::{STATE, VALUES};
use crate::error::CheckpointError;
use ia3_guard::sha256;

const MANIFEST: &str = "SHA256SUMS";

/// The files of checkpoints whose manifest is absent or damaged, in the folder itself or in that of a task.
const USUAL: [&str; 5] = ["adapter_config.json", "adapter_model.safetensors", "README.md", STATE, VALUES];

/// Writes the hashes of all files in the folder `dir` and in the folders inside it.
///
/// The last line is that of [`STATE`], so that a manifest that is cut off lacks it.
pub(super) fn write(dir: &Path) -> Result<(), CheckpointError> {
    let mut files = files(dir).map_err(|e| CheckpointError::file("read", dir, e))?;
    files.sort_by_key(|(name, _)| (name == STATE, name.clone()));
    let line = |(name, path): &(String, PathBuf)| {
        let hash = sha256::of_file(path).map_err(|e| CheckpointError::file("read", path, e))?;
        Ok(format!("{hash}  {name}\n"))
    };
    let text = files.iter().map(line).collect::<Result<String, CheckpointError>>()?;
    let path = dir.join(MANIFEST);
    fs::write(&path, text).map_err(|e| CheckpointError::file("write", &path, e))
}

/// Whether the folder has a manifest. Checkpoints of earlier versions have none.
pub(super) fn exists(dir: &Path) -> bool {
    dir.join(MANIFEST).exists()
}

/// The error for a folder without manifest.
pub(super) fn missing(dir: &Path) -> CheckpointError {
    CheckpointError::Damaged { path: dir.join(MANIFEST), reason: "it is missing".into() }
}

/// Compares every file that the manifest lists with its hash.
pub(super) fn check(dir: &Path) -> Result<(), CheckpointError> {
    for (name, expected) in read(dir)? {
        let path = dir.join(name);
        let found = sha256::of_file(&path).map_err(|e| CheckpointError::file("read", &path, e))?;
        if found != expected {
            let reason = format!("its SHA-256 is {found}, expected {expected}");
            return Err(CheckpointError::Damaged { path, reason });
        }
    }
    Ok(())
}

/// The files in the folder that were not written with the checkpoint.
pub(super) fn foreign(dir: &Path) -> Result<Vec<PathBuf>, CheckpointError> {
    let listed = read(dir).ok();
    let own = |name: &String| match &listed {
        _ if name == MANIFEST => true,
        Some(listed) => listed.contains_key(name),
        None => USUAL.contains(&name.rsplit_once('/').map_or(name.as_str(), |(_, file)| file)),
    };
    let found = files(dir).map_err(|e| CheckpointError::file("read", dir, e))?;
    Ok(found.into_iter().filter(|(name, _)| !own(name)).map(|(_, path)| path).collect())
}

/// The hashes by name.
fn read(dir: &Path) -> Result<BTreeMap<String, String>, CheckpointError> {
    let path = dir.join(MANIFEST);
    let damaged = |reason: String| CheckpointError::Damaged { path: path.clone(), reason };
    let text = read_text(&path, Limit::CONFIG).map_err(|e| damaged(e.to_string()))?;
    let entry = |line: &str| {
        let (hash, name) =
            line.split_once("  ").ok_or_else(|| damaged("it has an incomplete line".into()))?;
        Ok((name.to_string(), hash.to_string()))
    };
    let entries: BTreeMap<_, _> = text.lines().map(entry).collect::<Result<_, CheckpointError>>()?;
    match entries.contains_key(STATE) {
        true => Ok(entries),
        false => Err(damaged(format!("it does not list `{STATE}`, so it was cut off"))),
    }
}

/// The files in a folder and in the folders inside it: their names, with `/` between folders, and their paths.
fn files(dir: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = vec![];
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_string();
        match entry.file_type()?.is_dir() {
            true => {
                let inner = files(&entry.path())?;
                found.extend(inner.into_iter().map(|(file, path)| (format!("{name}/{file}"), path)));
            }
            false => found.push((name, entry.path())),
        }
    }
    Ok(found)
}
