//! The adapters in a folder of adapter folders.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The file that makes a folder an adapter.
const CONFIG: &str = "adapter_config.json";
/// How the names of the files with vectors begin.
const VECTORS: &str = "adapter_model.";

/// A folder whose subfolders are adapters. It is looked at anew at each question, so that what is added, changed or removed counts
/// from the next request on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalog {
    dir: Option<PathBuf>,
}

/// What tells a version of an adapter from others: the names, sizes and times of its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version(Vec<(String, u64, Option<SystemTime>, u64)>);

impl Catalog {
    pub(crate) fn new(dir: Option<PathBuf>) -> Self {
        Self { dir }
    }

    /// The names of the adapters, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let Some(entries) = self.dir.as_ref().and_then(|dir| fs::read_dir(dir).ok()) else { return vec![] };
        let name = |entry: fs::DirEntry| entry.file_name().into_string().ok();
        let mut names: Vec<String> = entries.flatten().filter_map(name).collect();
        names.retain(|name| self.find(name).is_some());
        names.sort_unstable();
        names
    }

    /// The folder of an adapter and its version, if there is one of this name.
    pub(crate) fn find(&self, name: &str) -> Option<(PathBuf, Version)> {
        // A name is that of a folder in the folder of adapters, and never a path to another place.
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', ':', '\0']) {
            return None;
        }
        let path = self.dir.as_ref()?.join(name);
        Some((path.clone(), version(&path)?))
    }
}

/// The version of the adapter in a folder, or `None` if the folder holds none.
fn version(dir: &Path) -> Option<Version> {
    let mut files = vec![];
    for entry in fs::read_dir(dir).ok()?.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        // Not `DirEntry::metadata`, which is that of a link.
        if (name == CONFIG || name.starts_with(VECTORS))
            && let Ok(metadata) = fs::metadata(entry.path())
        {
            files.push((name, metadata.len(), metadata.modified().ok(), identity(&metadata)));
        }
    }
    files.sort_unstable();
    files.iter().any(|(name, ..)| name == CONFIG).then_some(Version(files))
}

/// The number of the file, which another file of the same name and size, written at the same time, does not have.
#[cfg(unix)]
fn identity(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_with_a_configuration_are_adapters_and_names_are_no_paths() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b", "a", ".hidden", "empty"] {
            fs::create_dir(dir.path().join(name)).unwrap();
            if name != "empty" {
                fs::write(dir.path().join(name).join(CONFIG), "{}").unwrap();
            }
        }
        fs::write(dir.path().join("file"), "{}").unwrap();
        let catalog = Catalog::new(Some(dir.path().join("a").parent().unwrap().to_owned()));
        assert_eq!(catalog.names(), ["a", "b"]);
        for name in ["", ".", "..", "../a", "a/", "/etc", "c:a", "empty", "file", "a\0"] {
            assert!(catalog.find(name).is_none(), "{name:?}");
        }
        assert!(Catalog::default().names().is_empty());
    }

    #[test]
    fn a_file_that_changes_is_another_version() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(CONFIG);
        fs::write(&file, "{}").unwrap();
        let first = version(dir.path()).unwrap();
        assert_eq!(version(dir.path()).unwrap(), first);
        fs::write(dir.path().join("adapter_model.safetensors"), "1").unwrap();
        let second = version(dir.path()).unwrap();
        assert_ne!(second, first);
        fs::write(dir.path().join("new"), "2").unwrap();
        fs::rename(dir.path().join("new"), dir.path().join("adapter_model.safetensors")).unwrap();
        assert_ne!(version(dir.path()).unwrap(), second);
    }
}
