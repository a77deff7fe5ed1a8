#![allow(dead_code, unreachable_pub, unused_imports)] // Each test takes what it needs.

pub mod memory;
mod model;

pub use ia3_testing::{fixture, names};
pub use model::*;

use std::path::PathBuf;

/// The folders of the parity corpus, one for each architecture.
pub fn fixtures() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(fixture("")).unwrap().flatten().map(|entry| entry.path());
    let mut dirs: Vec<_> = entries.filter(|path| path.join("base").is_dir()).collect();
    dirs.sort();
    dirs
}
