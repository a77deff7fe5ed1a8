//! Every number that PyTorch and PEFT gave for the corpus in `fixtures/`, compared with ours.
//!
//! `IA3_FIXTURES=DIR cargo test --workspace --test parity` runs the same table on another corpus of the same form.

#[path = "../common/mod.rs"]
mod common;

mod case;
mod checkpointing;
mod compare;
mod forward;
mod generate;
mod training;

use std::path::Path;

use case::Case;
use compare::Comparison;
use ia3_testing::{case_dirs, corpus};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let trials = case_dirs(&corpus()).into_iter().map(|dir| {
        let name = dir.file_name().unwrap_or_default().to_string_lossy().to_string();
        Trial::test(name.clone(), move || parity(&name, &dir))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}

/// Compares every tensor of one case.
fn parity(name: &str, dir: &Path) -> Result<(), Failed> {
    let case = Case::open(dir);
    let mut comparison = Comparison::new(name);
    forward::run(&case, &mut comparison);
    generate::run(&case, &mut comparison);
    if let Ok(text) = std::fs::read_to_string(dir.with_file_name("generation.json")) {
        generate::with_settings(&case, name, &serde_json::from_str(&text).unwrap(), &mut comparison);
    }
    training::run(&case, &mut comparison);
    checkpointing::run(&case, &mut comparison);
    case.all_read(&mut comparison);
    println!("{comparison}");
    let failures = comparison.failures();
    if failures.is_empty() {
        return Ok(());
    }
    Err(format!("{} comparisons failed:\n{}", failures.len(), failures.join("\n")).into())
}
