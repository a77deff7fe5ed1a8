//! What the commands refuse: exit code, exact message, and no file left behind.
//!
//! The cases are in `bad_inputs.json`, and every case is one test. A case changes files of a fresh folder, runs a command, and expects an error. In a
//! command, `@` stands for the folder; in an error, `DIR` does. `ia3-io/tests/bad_inputs.rs` has cases for every kind of
//! damaged file; the cases here are what a user of the command line meets.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use common::{run, workspace};
use libtest_mimic::{Arguments, Trial};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    group: String,
    #[serde(default)]
    change: Vec<Change>,
    command: String,
    error: String,
}

/// A change of the folder before the command runs.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Change {
    /// Removes a file or a folder.
    Remove(String),
    /// Renames a file.
    Rename(String, String),
    /// Replaces the first occurrence of a text in a file by another text.
    Edit(String, String, String),
    /// Copies a file or the files of a folder from the repository.
    Copy(String, String),
    Write(String, String),
    Bytes(String, Vec<u8>),
    /// Replaces `inputs.safetensors` by a file with these int64 matrices.
    Inputs(BTreeMap<String, Vec<Vec<i64>>>),
    /// Replaces the last float32 value of an adapter.
    LastValue(String, String),
}

/// A folder with copies of a base with two adapters, of a small T5 with a tokenizer, and of data.
struct Sandbox(tempfile::TempDir);

const LINE: &str =
    "{\"input\": \"date: 2009-05-31\", \"target\": \"the thirty-first of may two thousand nine\"}\n";

impl Sandbox {
    fn new() -> Self {
        let sandbox = Self(tempfile::tempdir().unwrap());
        let t5 = workspace().join("fixtures/t5");
        for name in ["base", "adapter", "adapter_b"] {
            copy(&t5.join(name), &sandbox.path(name));
        }
        copy(&t5.join("io.safetensors"), &sandbox.path("inputs.safetensors"));
        copy(&workspace().join("examples/base"), &sandbox.path("small"));
        fs::write(sandbox.path("train.jsonl"), LINE).unwrap();
        let month = |n| format!("{{\"question\": \"month {n}\", \"target\": \"may\"}}\n");
        fs::write(sandbox.path("months.jsonl"), (1..8).map(month).collect::<String>()).unwrap();
        sandbox
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn apply(&self, change: &Change) {
        match change {
            Change::Remove(name) if self.path(name).is_dir() => fs::remove_dir_all(self.path(name)).unwrap(),
            Change::Remove(name) => fs::remove_file(self.path(name)).unwrap(),
            Change::Rename(from, to) => fs::rename(self.path(from), self.path(to)).unwrap(),
            Change::Edit(name, from, to) => {
                let text = fs::read_to_string(self.path(name)).unwrap();
                assert!(text.contains(from), "{name} does not contain {from}");
                fs::write(self.path(name), text.replacen(from, to, 1)).unwrap();
            }
            Change::Copy(from, to) => copy(&workspace().join(from), &self.path(to)),
            Change::Write(name, text) => fs::write(self.path(name), text).unwrap(),
            Change::Bytes(name, bytes) => fs::write(self.path(name), bytes).unwrap(),
            Change::Inputs(tensors) => write_inputs(&self.path("inputs.safetensors"), tensors),
            Change::LastValue(adapter, value) => {
                let path = self.path(adapter).join("adapter_model.safetensors");
                let mut bytes = fs::read(&path).unwrap();
                let at = bytes.len() - 4;
                bytes[at..].copy_from_slice(&value.parse::<f32>().unwrap().to_le_bytes());
                fs::write(path, bytes).unwrap();
            }
        }
    }

    /// Every path below the folder.
    fn listing(&self) -> Vec<PathBuf> {
        let mut all = vec![self.0.path().to_path_buf()];
        let mut next = 0;
        while next < all.len() {
            if all[next].is_dir() {
                all.extend(fs::read_dir(&all[next]).unwrap().map(|e| e.unwrap().path()));
            }
            next += 1;
        }
        all.sort();
        all
    }
}

/// Copies a file, or the files of a folder.
fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn write_inputs(path: &Path, tensors: &BTreeMap<String, Vec<Vec<i64>>>) {
    let bytes: Vec<Vec<u8>> =
        tensors.values().map(|rows| rows.concat().iter().flat_map(|id| id.to_le_bytes()).collect()).collect();
    let views = tensors.iter().zip(&bytes).map(|((name, rows), bytes)| {
        (name.clone(), TensorView::new(Dtype::I64, vec![rows.len(), rows[0].len()], bytes).unwrap())
    });
    safetensors::serialize_to_file(views, None, path).unwrap();
}

/// The differences between what a case expects and what its command did.
fn problems(case: &Case) -> Vec<String> {
    let sandbox = Sandbox::new();
    case.change.iter().for_each(|change| sandbox.apply(change));
    let before = sandbox.listing();
    let word = |w: &str| match w.strip_prefix('@') {
        Some(name) => sandbox.path(name).display().to_string(),
        None => w.to_string(),
    };
    let words: Vec<String> = case.command.split(' ').map(word).collect();
    let output = run(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stderr = stderr.replace(&sandbox.0.path().display().to_string(), "DIR");
    let mut problems = vec![];
    if stderr.trim_end() != case.error {
        problems.push(format!("expected\n{}\nfound\n{}", case.error, stderr.trim_end()));
    }
    if output.status.code() != Some(1) {
        problems.push(format!("the exit code is {:?}", output.status.code()));
    }
    if sandbox.listing() != before {
        problems.push("files were left behind".into());
    }
    problems
}

fn main() -> ExitCode {
    let cases: Vec<Case> = serde_json::from_str(include_str!("bad_inputs.json")).unwrap();
    let trial = |(number, case): (usize, Case)| {
        Trial::test(format!("{} {number}: ia3 {}", case.group, case.command), move || {
            let problems = problems(&case);
            if problems.is_empty() { Ok(()) } else { Err(problems.join("\n").into()) }
        })
    };
    let trials = (1..).zip(cases).map(trial).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
