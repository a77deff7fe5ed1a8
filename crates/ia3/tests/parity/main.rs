//! Every number that PyTorch and PEFT gave for the corpus in `fixtures/`, compared with ours.
//!
//! `IA3_FIXTURES=DIR cargo test --workspace --test parity` runs the same table on another corpus of the same form.

#[path = "../common/mod.rs"]
mod common;

mod case;
mod compare;
mod forward;
mod generate;
mod training;

use std::path::PathBuf;

use case::Case;
use compare::Comparison;

/// A relative folder is one of the workspace, where cargo is called, not of the package it runs the test in.
fn corpus() -> PathBuf {
    let dir = std::env::var_os("IA3_FIXTURES").unwrap_or_else(|| "fixtures".into());
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(dir)
}

#[test]
fn parity() {
    let root = corpus();
    let entries = std::fs::read_dir(&root).unwrap_or_else(|e| panic!("{}: {e}", root.display()));
    let mut dirs: Vec<PathBuf> =
        entries.map(|e| e.unwrap().path()).filter(|p| p.join("io.safetensors").exists()).collect();
    dirs.sort();
    assert!(!dirs.is_empty(), "{} holds no case", root.display());
    let mut failed = vec![];
    for dir in &dirs {
        let name = dir.file_name().unwrap().to_string_lossy().to_string();
        let case = Case::open(dir);
        let mut comparison = Comparison::new(&name);
        forward::run(&case, &mut comparison);
        generate::run(&case, &mut comparison);
        training::run(&case, &mut comparison);
        case.all_read(&mut comparison);
        println!("{comparison}");
        failed.extend(comparison.failures());
    }
    assert!(failed.is_empty(), "{} of the comparisons failed:\n{}", failed.len(), failed.join("\n"));
}
