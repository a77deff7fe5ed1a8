//! Inputs that are several files or texts at once, and folders for them.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The bytes between the parts of an input.
pub const SEPARATOR: &[u8] = b"\0=====\0";

/// The parts as one input.
pub(crate) fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.join(SEPARATOR)
}

/// The parts of an input: those that are not there are empty, and the last one is the whole rest.
pub(crate) fn parts<const N: usize>(data: &[u8]) -> [&[u8]; N] {
    let mut parts = [&[] as &[u8]; N];
    let mut rest = Some(data);
    for (i, part) in parts.iter_mut().enumerate() {
        let whole = rest.take().unwrap_or_default();
        let end = whole.windows(SEPARATOR.len()).position(|window| window == SEPARATOR).filter(|_| i + 1 < N);
        *part = &whole[..end.unwrap_or(whole.len())];
        rest = end.map(|end| &whole[end + SEPARATOR.len()..]);
    }
    parts
}

/// Where Linux keeps files in memory. On a disk, a folder for each input takes most of the time.
const MEMORY: &str = "/dev/shm";

/// A temporary folder that is removed with the value.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        let memory = Some(Path::new(MEMORY)).filter(|memory| memory.is_dir());
        let folder = memory.map_or_else(tempfile::tempdir, tempfile::tempdir_in);
        Self(folder.expect("a temporary folder can be made"))
    }

    /// Writes a file and returns its path.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).expect("a temporary file can be written");
        path
    }

    /// The path of an entry; the folder's own for the empty name.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}
