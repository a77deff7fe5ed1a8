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

use case::Case;
use common::{case_dirs, corpus};
use compare::Comparison;

#[test]
fn parity() {
    let mut failed = vec![];
    for dir in &case_dirs(&corpus()) {
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
