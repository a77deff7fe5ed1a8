//! The folder in which the documents run.

use std::fs;
use std::io;
use std::path::Path;

use tempfile::TempDir;

/// Makes a temporary folder with links to `fixtures` and `examples` of the repository, and copies of the files in
/// `examples/data`. It is removed when the result is dropped.
///
/// # Panics
///
/// If the folder cannot be made.
pub fn sandbox() -> TempDir {
    filled().unwrap_or_else(|error| panic!("cannot make a temporary folder for a document: {error}"))
}

/// Makes a [`sandbox`] and makes it the current folder, so that the code of a document finds its relative paths and writes
/// nothing into the repository.
///
/// The current folder belongs to the whole process. Doctests are processes of their own; other tests are not.
///
/// # Panics
///
/// If the folder cannot be made or entered.
pub fn enter_sandbox() -> TempDir {
    let dir = sandbox();
    std::env::set_current_dir(dir.path())
        .unwrap_or_else(|error| panic!("cannot enter a temporary folder: {error}"));
    dir
}

fn filled() -> io::Result<TempDir> {
    let dir = tempfile::tempdir()?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    for folder in ["fixtures", "examples"] {
        link(&root.join(folder), &dir.path().join(folder))?;
    }
    for entry in fs::read_dir(root.join("examples/data"))? {
        let entry = entry?;
        fs::copy(entry.path(), dir.path().join(entry.file_name()))?;
    }
    Ok(dir)
}

#[cfg(unix)]
fn link(target: &Path, name: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, name)
}

#[cfg(windows)]
fn link(target: &Path, name: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_dir(target, name)
}
