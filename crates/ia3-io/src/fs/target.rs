//! Where a path to write to leads: through symbolic links, into folders that may not exist yet.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The number of symbolic links that Linux follows, too.
const MAX_LINKS: usize = 40;

/// The absolute path that `path` leads to. It need not exist, and a symbolic link may lead to a path that does not.
///
/// A write that replaced the link itself would leave the file or folder behind it as it was.
pub(crate) fn resolve(path: &Path) -> io::Result<PathBuf> {
    // The components have no trailing separator, which would make a link to nothing look like a folder.
    let mut path: PathBuf = std::path::absolute(path)?.components().collect();
    for _ in 0..MAX_LINKS {
        let Ok(to) = fs::read_link(&path) else { break };
        path = path.parent().map(|parent| parent.join(&to)).unwrap_or(to);
    }
    match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path),
        found => found,
    }
}

/// Folders that were made for a write. Those that are still empty are removed when this value is dropped.
#[derive(Debug, Default)]
pub(crate) struct MadeFolders(pub(crate) Vec<PathBuf>);

impl MadeFolders {
    /// Makes a folder and the folders that it lies in, as far as they do not exist.
    pub(crate) fn make(dir: &Path) -> io::Result<Self> {
        let new = dir.ancestors().take_while(|d| !d.as_os_str().is_empty() && !d.exists());
        let made = Self(new.map(Path::to_owned).collect());
        fs::create_dir_all(dir).map(|()| made)
    }
}

impl Drop for MadeFolders {
    fn drop(&mut self) {
        for dir in &self.0 {
            // Only an empty folder is removed; if that fails, an empty folder remains, which is harmless.
            let _ = fs::remove_dir(dir);
        }
    }
}

/// Makes renames inside a folder durable across a power failure, where the system supports it.
pub(crate) fn sync_folder(dir: &Path) {
    if let Ok(dir) = fs::File::open(dir) {
        let _ = dir.sync_all();
    }
}

/// Whether this process may make files in a folder.
#[cfg(unix)]
pub(crate) fn is_writable(dir: &Path) -> io::Result<()> {
    use rustix::fs::Access;
    Ok(rustix::fs::access(dir, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// Whether this process may make files in a folder.
#[cfg(not(unix))]
pub(crate) fn is_writable(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_also_to_what_does_not_exist() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        fs::create_dir(root.join("dir")).unwrap();
        symlink("dir", root.join("to-dir")).unwrap();
        symlink("to-dir/new", root.join("to-new")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        assert_eq!(resolve(&root.join("to-dir/")).unwrap(), root.join("dir"));
        assert_eq!(resolve(&root.join("to-new/")).unwrap(), root.join("to-dir/new"));
        assert!(resolve(&root.join("loop")).is_err());
    }

    #[test]
    fn only_empty_new_folders_are_removed() {
        let root = tempfile::tempdir().unwrap();
        drop(MadeFolders::make(&root.path().join("a/b/c")).unwrap());
        assert!(!root.path().join("a").exists());
        let made = MadeFolders::make(&root.path().join("a/b/c")).unwrap();
        fs::write(root.path().join("a/file"), "").unwrap();
        drop(made);
        assert!(root.path().join("a/file").exists() && !root.path().join("a/b").exists());
    }
}
