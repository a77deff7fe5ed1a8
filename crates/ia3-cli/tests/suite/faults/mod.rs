//! Every command that writes, killed or with a failing system call at every place where that matters: afterwards there is what
//! was there before, or the whole of what it writes, or an error on reading, and the next run of the command ends as if
//! nothing had happened.
//!
//! `IA3_FAULTS=all` runs every fault at every call instead of a selection.
#![cfg(target_os = "linux")]

mod chosen;
mod commands;
mod place;
mod snapshot;
mod table;
mod two_writers;

use std::io::Write;

use self::commands::Case;
use self::table::Table;
use self::two_writers::two_writers;

/// Runs the table of a command on an empty path and on one with other content, and the command beside another one.
fn check(case: Case) {
    if let Err(reason) = ia3_testing::can_inject_faults() {
        return ia3_testing::skip(reason);
    }
    let nothing = || tempfile::tempdir().unwrap();
    let other = || {
        let dir = nothing();
        let output = case.other(&dir.path().join("out")).output().unwrap();
        assert!(output.status.success(), "{}", case.name);
        dir
    };
    // A folder that holds folders cannot be replaced as a whole, so its files are replaced one by one.
    let beside_a_folder = || {
        let dir = other();
        let own = dir.path().join("out/own");
        std::fs::create_dir(&own).unwrap();
        std::fs::write(own.join("notes.txt"), "mine").unwrap();
        dir
    };
    let mut problems = vec![];
    let mut on = |what: &str, template: &dyn Fn() -> tempfile::TempDir| {
        problems.extend(table(case, what, template()));
        let both = two_writers(&case, template().path());
        problems.extend(both.into_iter().map(|problem| format!("two writers on {what}: {problem}")));
    };
    on("nothing", &nothing);
    on("other content", &other);
    if case.reader.is_some() {
        on("other content and a folder", &beside_a_folder);
    }
    assert!(problems.is_empty(), "{}:\n{}", case.name, problems.join("\n"));
}

/// Runs one table and prints its figures; returns what must not be.
fn table(case: Case, what: &str, template: tempfile::TempDir) -> Vec<String> {
    let mut table = Table::new(case, template);
    table.run();
    // The long table is run for its figures.
    if table::all() {
        let _ = writeln!(std::io::stdout(), "{} over {what}: {}", case.name, table.counts);
    }
    assert!(table.counts.kills > 0 && table.counts.errors > 0, "{} made no call", case.name);
    table.faults.into_iter().map(|fault| format!("over {what}: {fault}")).collect()
}

#[test]
fn merge() {
    check(commands::MERGE);
}

#[test]
fn mix() {
    check(commands::MIX);
}

#[test]
fn convert_to_peft() {
    check(commands::TO_PEFT);
}

#[test]
fn convert_to_tfew() {
    check(commands::TO_TFEW);
}

#[test]
fn convert_to_adapterhub() {
    check(commands::TO_ADAPTERHUB);
}

#[test]
fn quantize() {
    check(commands::QUANTIZE);
}

#[test]
fn forward() {
    check(commands::FORWARD);
}

#[test]
fn generate() {
    check(commands::GENERATE);
}

/// A training from its start, and one that continues after its second step.
#[test]
fn train() {
    if let Err(reason) = ia3_testing::can_inject_faults() {
        return ia3_testing::skip(reason);
    }
    let case = commands::TRAIN;
    let unfinished = tempfile::tempdir().unwrap();
    let out = unfinished.path().join("out");
    assert!(case.other(&out).output().unwrap().status.success());
    for later in ["checkpoints/step-000003", "checkpoints/step-000001"] {
        std::fs::remove_dir_all(out.join(later)).unwrap();
    }
    for end in ["adapter_model.safetensors", "adapter_config.json", "README.md", "loss.svg"] {
        std::fs::remove_file(out.join(end)).unwrap();
    }
    let mut problems = two_writers(&case, unfinished.path());
    problems.extend(table(case, "nothing", tempfile::tempdir().unwrap()));
    problems.extend(table(case, "an unfinished training", unfinished));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
