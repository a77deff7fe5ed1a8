//! The parity corpus in `fixtures/`, or another one that its generator made.
use std::path::{Path, PathBuf};

/// The folder of the corpus: the one that the environment variable `IA3_FIXTURES` names, or `fixtures/`.
///
/// A relative name counts from the folder of the workspace, where cargo is called. Cargo runs a test in the folder of its
/// package.
pub fn corpus() -> PathBuf {
    let folder = std::env::var_os("IA3_FIXTURES").unwrap_or_else(|| "fixtures".into());
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder)
}

/// The folders below `root` that hold a case, sorted by name.
///
/// # Panics
///
/// If `root` cannot be read or holds no case, so that a test over all cases cannot pass without having tested one.
pub fn case_dirs(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root).unwrap_or_else(|error| panic!("{}: {error}", root.display()));
    let folders = entries.map(|entry| entry.expect("an entry of the corpus can be read").path());
    let mut cases: Vec<PathBuf> = folders.filter(|folder| folder.join("io.safetensors").exists()).collect();
    cases.sort();
    assert!(!cases.is_empty(), "{} holds no case", root.display());
    cases
}
