//! Runs the documents: every `$ …` line of a fenced block of the kind `console` in README.md and docs/*.md.
//!
//! CONTRIBUTING.md, section "Documents that run", describes the convention. Blocks of one document run in order in one
//! temporary folder, each command in a shell of its own.
#![cfg(unix)]

mod common;
mod console;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::workspace;
use console::{Step, steps};
use ia3_testing::sandbox;

/// What a command did: its exit status and its lines; those of standard error only if the command failed.
fn execute(step: &Step, dir: &Path) -> (i32, Vec<String>) {
    let program = Path::new(env!("CARGO_BIN_EXE_ia3")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-c", &step.command]).current_dir(dir).env("PATH", path).env("BURN_DEVICE", "flex");
    let output = shell.output().unwrap();
    let mut text = String::from_utf8_lossy(&output.stdout).to_string();
    if !output.status.success() {
        text += &String::from_utf8_lossy(&output.stderr);
    }
    (output.status.code().unwrap_or(-1), text.lines().map(str::to_string).collect())
}

/// Runs a document of the repository and panics at the first command that does something else than it says.
fn run(document: &str) {
    let text = fs::read_to_string(workspace().join(document)).unwrap();
    let dir = sandbox();
    for step in steps(&text) {
        let (status, lines) = execute(&step, dir.path());
        let found = lines.join("\n");
        let Step { line, command, expected, .. } = &step;
        assert_eq!(status, step.status, "{document}:{line}: exit status of `{command}`; it printed\n{found}");
        assert!(
            step.accepts(&lines),
            "{document}:{line}: `{command}` printed\n{found}\n\nbut the document says\n{}",
            expected.join("\n")
        );
    }
}

/// One test per document, and one test that no document is missing from the list.
macro_rules! documents {
    ($($name:ident: $path:literal,)*) => {
        $(#[test] fn $name() { run($path) })*

        #[test]
        fn every_document_with_a_console_block_is_listed() {
            let listed = [$($path),*];
            let docs = fs::read_dir(workspace().join("docs")).unwrap().flatten();
            let names = docs.map(|entry| format!("docs/{}", entry.file_name().to_string_lossy()));
            for name in names.filter(|name| name.ends_with(".md")).chain(["README.md".into()]) {
                let text = fs::read_to_string(workspace().join(&name)).unwrap();
                assert!(steps(&text).is_empty() || listed.contains(&name.as_str()), "{name} is not listed");
            }
        }
    };
}

documents! {
    readme: "README.md",
    backends: "docs/backends.md",
    choosing_targets: "docs/choosing-targets.md",
    cli: "docs/cli.md",
    converting: "docs/converting.md",
    cost: "docs/cost.md",
    few_shot: "docs/few-shot.md",
    install: "docs/install.md",
    mixed_batches: "docs/mixed-batches.md",
    peft_compatibility: "docs/peft-compatibility.md",
    quantised: "docs/quantised.md",
    quickstart: "docs/quickstart.md",
    t_few: "docs/t-few.md",
    training: "docs/training.md",
    troubleshooting: "docs/troubleshooting.md",
}

#[test]
fn the_runner_compares_status_and_output() {
    let text = "```console\n$ cat prompts.txt\ndate: 2009-05-31\n...\n$ ls none\n? 2\n[..]none[..]\n```\n";
    let dir = sandbox();
    for step in steps(text) {
        let (status, lines) = execute(&step, dir.path());
        assert_eq!(status, step.status);
        assert!(step.accepts(&lines), "{lines:?}");
        assert!(!step.accepts(&["something else".to_string()]));
    }
}
