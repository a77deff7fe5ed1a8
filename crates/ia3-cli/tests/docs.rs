//! Runs the documents: every `$ …` line of a fenced block of the kind `console` in README.md, docs/*.md and the README of
//! this crate, and every example that `--help` shows. Every document is one test.
//!
//! CONTRIBUTING.md, section "Documents that run", describes the convention. Blocks of one document run in order in one
//! temporary folder, each command in a shell of its own.

mod common;
mod console;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use common::{succeed, workspace};
use console::{Step, steps};
use ia3_testing::sandbox;
use libtest_mimic::{Arguments, Trial};

/// What a command did: its exit status and its lines; those of standard error only if the command failed.
fn execute(step: &Step, dir: &Path) -> (i32, Vec<String>) {
    let program = Path::new(env!("CARGO_BIN_EXE_ia3")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &step.command])
        .current_dir(dir)
        .env("PATH", path)
        .env("BURN_DEVICE", "flex")
        .env("HF_HUB_OFFLINE", "1");
    let output = shell.output().unwrap();
    let mut text = String::from_utf8_lossy(&output.stdout).to_string();
    if !output.status.success() {
        text += &String::from_utf8_lossy(&output.stderr);
    }
    (output.status.code().unwrap_or(-1), text.lines().map(str::to_string).collect())
}

/// Runs the commands in order and panics at the first one that does something else than the document says.
fn run(document: &str, steps: Vec<Step>) {
    let dir = sandbox();
    for step in steps {
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

/// The README files of the repository and of this crate, and the files of `docs`.
fn documents() -> Vec<PathBuf> {
    let entries = fs::read_dir(workspace().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut documents: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|e| e == "md")).collect();
    documents.sort();
    documents.extend(["README.md", "crates/ia3-cli/README.md"].map(|path| workspace().join(path)));
    documents
}

/// One test per document that has commands.
fn of_documents() -> impl Iterator<Item = Trial> {
    documents().into_iter().filter_map(|path| {
        let steps = steps(&fs::read_to_string(&path).unwrap());
        let root = workspace();
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        (!steps.is_empty()).then(|| {
            Trial::test(name.clone(), move || {
                run(&name, steps);
                Ok(())
            })
        })
    })
}

/// The examples in `--help` of every command, in an order in which each finds the files that it needs.
fn help_examples() {
    let commands =
        ["train", "", "eval", "generate", "forward", "inspect", "merge", "quantize", "mix", "diff"];
    let mut all = vec![];
    for command in commands.into_iter().chain(["status", "convert", "cost", "devices"]) {
        let words: Vec<&str> = [command, "--help"].into_iter().filter(|word| !word.is_empty()).collect();
        let help = succeed(&words);
        // A command may go on in the next line.
        let whole = help.replace("\\\n", "");
        let examples = whole.lines().filter(|line| line.starts_with("  ia3 "));
        let status = i32::from(command == "diff");
        let step = |(line, text): (usize, &str)| Step {
            line,
            command: text.trim().into(),
            status,
            expected: vec![],
        };
        let before = all.len();
        all.extend((1..).zip(examples).map(step));
        assert!(all.len() > before, "`ia3 {command} --help` shows no example");
        let long: Vec<&str> = help.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(long.is_empty(), "`ia3 {command} --help` has lines of more than 80 columns: {long:?}");
    }
    run("--help", all);
}

fn runner_compares_status_and_output() {
    let text = "```console\n$ cat prompts.txt\ndate: 2009-05-31\n...\n$ ls none\n? 2\n[..]none[..]\n```\n";
    let dir = sandbox();
    for step in steps(text) {
        let (status, lines) = execute(&step, dir.path());
        assert_eq!(status, step.status);
        assert!(step.accepts(&lines), "{lines:?}");
        assert!(!step.accepts(&["something else".to_string()]));
    }
}

fn main() -> ExitCode {
    let args = Arguments::from_args();
    if !cfg!(unix) {
        ia3_testing::skip("the documents run in `sh`");
        return ExitCode::SUCCESS;
    }
    let own: [(&str, fn()); 4] = [
        ("examples in --help", help_examples),
        ("runner compares status and output", runner_compares_status_and_output),
        ("blocks become steps", console::blocks_become_steps),
        ("wildcards stand for lines and characters", console::wildcards_stand_for_lines_and_characters),
    ];
    let own = own.map(|(name, test)| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    });
    libtest_mimic::run(&args, own.into_iter().chain(of_documents()).collect()).exit_code()
}
