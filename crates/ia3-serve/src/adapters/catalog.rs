//! The adapters in a folder of adapter folders.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf, absolute};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::mix_name::is_mix;
use super::sources::AdapterSources;

/// The file that makes a folder an adapter.
const CONFIG: &str = "adapter_config.json";
/// How the names of the files with vectors begin.
const VECTORS: &str = "adapter_model.";

/// A folder whose subfolders are adapters. It is looked at anew at each question, so that what is added, changed or removed counts
/// from the next request on. Clones share what was [hidden](Self::hide) and [shown](Self::show).
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalog {
    sources: AdapterSources,
    changes: Arc<Mutex<Changes>>,
}

/// What the clients of a server have changed of the list of adapters.
#[derive(Debug, Default)]
struct Changes {
    /// Grows with each change.
    generation: u64,
    hidden: BTreeSet<String>,
    /// Subfolders under other names.
    folders: BTreeMap<String, String>,
}

/// What tells a version of an adapter from others: the names, sizes and times of its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version(Vec<(String, u64, Option<SystemTime>, u64)>);

impl Catalog {
    pub(crate) fn new(sources: impl Into<AdapterSources>) -> Self {
        let mut sources = sources.into();
        // What is looked at later has to be a path whatever it holds then, and no name on the hub.
        sources.folder = sources.folder.map(|folder| absolute(&folder).unwrap_or(folder));
        Self { sources, changes: Arc::default() }
    }

    /// The hub, if adapters come from there too.
    #[cfg(feature = "hub")]
    pub(super) fn hub(&self) -> Option<&ia3::hub::Hub> {
        self.sources.hub.as_ref()
    }

    /// The names of the adapters, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let Some(entries) = self.sources.folder.as_ref().and_then(|dir| fs::read_dir(dir).ok()) else {
            return vec![];
        };
        let name = |entry: fs::DirEntry| entry.file_name().into_string().ok();
        let mut names: Vec<String> = entries.flatten().filter_map(name).collect();
        names.extend(self.changes().folders.keys().cloned());
        names.retain(|name| self.find(name).is_some());
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The folder of an adapter and its version, if there is one of this name.
    pub(crate) fn find(&self, name: &str) -> Option<(PathBuf, Version)> {
        let folder = {
            let changes = self.changes();
            if changes.hidden.contains(name) {
                return None;
            }
            changes.folders.get(name).cloned().unwrap_or_else(|| name.to_string())
        };
        self.subfolder(&folder)
    }

    /// The adapter in a subfolder, whatever name it has.
    pub(crate) fn subfolder(&self, folder: &str) -> Option<(PathBuf, Version)> {
        // A name is that of a folder in the folder of adapters, and never a path to another place.
        if folder.is_empty()
            || folder.starts_with('.')
            || folder.contains(['/', '\\', '\0'])
            || is_mix(folder)
        {
            return None;
        }
        let path = self.sources.folder.as_ref()?.join(folder);
        Some((path.clone(), Self::version(&path)?))
    }

    /// The version of the adapter in a folder, or `None` if the folder holds none.
    pub(super) fn version(dir: &Path) -> Option<Version> {
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

    /// Makes the adapter in a subfolder known under a name. It returns the number of changes so far.
    pub(crate) fn show(&self, name: &str, folder: &str) -> u64 {
        let mut changes = self.changes();
        changes.hidden.remove(name);
        changes.folders.remove(name);
        if name != folder {
            changes.folders.insert(name.into(), folder.into());
        }
        changes.generation += 1;
        changes.generation
    }

    /// Makes an adapter unknown, although its folder is there. It returns the number of changes so far.
    pub(crate) fn hide(&self, name: &str) -> u64 {
        let mut changes = self.changes();
        changes.folders.remove(name);
        changes.hidden.insert(name.into());
        changes.generation += 1;
        changes.generation
    }

    /// The number of changes so far.
    pub(crate) fn generation(&self) -> u64 {
        self.changes().generation
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        let catalog = Catalog::new(dir.path().join("a").parent().map(Path::to_owned));
        assert_eq!(catalog.names(), ["a", "b"]);
        for name in ["", ".", "..", "../a", "a/", "/etc", "c:a", "a*b", "empty", "file", "a\0"] {
            assert!(catalog.find(name).is_none(), "{name:?}");
        }
        assert!(Catalog::default().names().is_empty());
    }

    #[test]
    fn names_are_hidden_and_shown() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            fs::create_dir(dir.path().join(name)).unwrap();
            fs::write(dir.path().join(name).join(CONFIG), "{}").unwrap();
        }
        let catalog = Catalog::new(Some(dir.path().to_owned()));
        let clone = catalog.clone();
        assert_eq!((clone.hide("a"), clone.show("c", "b"), catalog.generation()), (1, 2, 2));
        assert_eq!(catalog.names(), ["b", "c"]);
        assert_eq!(catalog.find("c").unwrap().0, dir.path().join("b"));
        assert!(catalog.find("a").is_none());
        catalog.show("a", "a");
        catalog.hide("c");
        assert_eq!(catalog.names(), ["a", "b"]);
    }

    #[test]
    fn a_file_that_changes_is_another_version() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(CONFIG);
        fs::write(&file, "{}").unwrap();
        let first = Catalog::version(dir.path()).unwrap();
        assert_eq!(Catalog::version(dir.path()).unwrap(), first);
        fs::write(dir.path().join("adapter_model.safetensors"), "1").unwrap();
        let second = Catalog::version(dir.path()).unwrap();
        assert_ne!(second, first);
        fs::write(dir.path().join("new"), "2").unwrap();
        fs::rename(dir.path().join("new"), dir.path().join("adapter_model.safetensors")).unwrap();
        assert_ne!(Catalog::version(dir.path()).unwrap(), second);
    }
}
