//! Valid inputs from the files of the repository.

use std::fs;
use std::path::{Path, PathBuf};

/// The folders and files of the repository that hold examples of every format.
const ROOTS: [&str; 2] = ["fixtures", "examples"];
/// Larger files are left out, because an input is read many thousand times.
const MAX_LEN: u64 = 32 << 10;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The files whose path ends with `suffix`, sorted by path, except for large ones.
pub(crate) fn files(suffix: &str) -> Vec<PathBuf> {
    let mut found = vec![];
    for root in ROOTS {
        walk(&repository().join(root), &mut |path| {
            if path.ends_with(suffix) || path.extension().is_some_and(|extension| extension == suffix) {
                found.push(path.to_owned());
            }
        });
    }
    found.sort();
    found
}

fn walk(dir: &Path, visit: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(dir).expect("the fixtures are there").flatten() {
        let path = entry.path();
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => walk(&path, visit),
            Ok(metadata) if metadata.len() <= MAX_LEN => visit(&path),
            _ => {}
        }
    }
}

/// The content of a file.
pub(crate) fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The content of the files whose path ends with `suffix`, each once.
pub(crate) fn contents(suffix: &str) -> Vec<Vec<u8>> {
    let mut contents: Vec<Vec<u8>> = files(suffix).iter().map(|path| read(path)).collect();
    contents.sort();
    contents.dedup();
    contents
}
