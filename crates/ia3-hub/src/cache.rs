//! The shared cache of the hub's libraries: `blobs` by hash, `snapshots` of links to them by commit, `refs` by name.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::address::folder_name;
use crate::error::HubError;
use crate::repo_id::{RepoId, is_commit};

/// The folder of one repository in the cache.
pub(crate) struct RepoCache {
    root: PathBuf,
    locks: PathBuf,
}

impl RepoCache {
    pub(crate) fn new(cache: &Path, id: &RepoId) -> Self {
        let name = folder_name(id);
        Self { root: cache.join(&name), locks: cache.join(".locks").join(&name) }
    }

    pub(crate) fn snapshot(&self, commit: &str) -> PathBuf {
        self.root.join("snapshots").join(commit)
    }

    pub(crate) fn blob(&self, hash: &str) -> PathBuf {
        self.root.join("blobs").join(hash)
    }

    /// Where the bytes of a blob are until all of them are here.
    pub(crate) fn incomplete(&self, hash: &str) -> PathBuf {
        self.root.join("blobs").join(format!("{hash}.incomplete"))
    }

    /// The commit of a revision when it was last downloaded.
    pub(crate) fn commit(&self, id: &RepoId) -> Option<String> {
        if id.is_commit() {
            return Some(id.revision().into());
        }
        let text = fs::read_to_string(self.root.join("refs").join(id.revision())).ok()?;
        Some(text.trim().to_string()).filter(|commit| is_commit(commit))
    }

    /// Records the commit of a revision.
    pub(crate) fn set_commit(&self, id: &RepoId, commit: &str) -> Result<(), HubError> {
        if id.is_commit() || self.commit(id).as_deref() == Some(commit) {
            return Ok(());
        }
        let path = self.root.join("refs").join(id.revision());
        create_parent(&path)?;
        // Under another name first: a reader sees the old commit or the new one.
        let whole = fresh_name(&path);
        fs::write(&whole, commit).map_err(HubError::cache("write", &whole))?;
        fs::rename(&whole, &path).map_err(HubError::cache("write", &path))
    }

    /// Waits until no other process transfers the blob, and keeps others from it until the file is dropped. It is the file
    /// that Python locks.
    pub(crate) fn lock(&self, hash: &str) -> Result<File, HubError> {
        let path = self.locks.join(format!("{hash}.lock"));
        create_parent(&path)?;
        let open = File::options().create(true).truncate(false).write(true).open(&path);
        let file = open.map_err(HubError::cache("write", &path))?;
        file.lock().map_err(HubError::cache("lock", &path))?;
        Ok(file)
    }

    /// Makes the file of a snapshot a link to a blob.
    pub(crate) fn link(&self, commit: &str, name: &str, hash: &str) -> Result<(), HubError> {
        let place = self.snapshot(commit).join(name);
        create_parent(&place)?;
        let up = "../".repeat(2 + name.matches('/').count());
        let target = PathBuf::from(format!("{up}blobs/{hash}"));
        if place.exists() {
            return Ok(());
        }
        // Under another name first: what is there may lead nowhere, because somebody deleted its blob, or another process may have
        // put it there just now for a reader that must not miss it.
        let new = fresh_name(&place);
        let linked = link(&target, &self.blob(hash), &new).and_then(|()| fs::rename(&new, &place));
        linked.map_err(|error| {
            let _ = fs::remove_file(&new);
            HubError::cache("write", &place)(error)
        })
    }
}

/// A name beside a file that no other thread and no other process uses.
fn fresh_name(path: &Path) -> PathBuf {
    static NAMES: AtomicUsize = AtomicUsize::new(0);
    let number = NAMES.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!(".{}.{number}.new", std::process::id()))
}

#[cfg(unix)]
fn link(target: &Path, _: &Path, place: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, place)
}

/// Where links may be forbidden, the snapshot has the file itself, as in Python.
#[cfg(not(unix))]
fn link(_: &Path, blob: &Path, place: &Path) -> std::io::Result<()> {
    fs::hard_link(blob, place).or_else(|_| fs::copy(blob, place).map(|_| ()))
}

pub(crate) fn create_parent(path: &Path) -> Result<(), HubError> {
    match path.parent() {
        Some(parent) => fs::create_dir_all(parent).map_err(HubError::cache("create", parent)),
        None => Ok(()),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn who_has_linked_a_file_finds_it_whoever_else_links_it() {
        let dir = tempfile::tempdir().unwrap();
        let id = RepoId::parse("me/model").unwrap();
        let cache = RepoCache::new(dir.path(), &id);
        let blob = cache.blob("abc");
        create_parent(&blob).unwrap();
        fs::write(&blob, "weights").unwrap();
        let folder = cache.snapshot("c0");
        for round in 0..200 {
            let name = format!("file{round}");
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        cache.link("c0", &name, "abc").unwrap();
                        let commit = format!("{round:040x}");
                        cache.set_commit(&id, &commit).unwrap();
                        assert!(folder.join(&name).exists(), "{name}");
                    });
                }
            });
        }
        // The link of a blob that somebody deleted is replaced, and nothing else is left in the folder.
        fs::remove_file(&blob).unwrap();
        fs::write(cache.blob("def"), "others").unwrap();
        cache.link("c0", "file0", "def").unwrap();
        assert_eq!(fs::read_to_string(folder.join("file0")).unwrap(), "others");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 200);
    }
}
