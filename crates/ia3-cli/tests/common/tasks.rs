//! Two tasks, and the commands that train them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use super::{ia3, workspace};

pub(crate) const DATES: [(&str, &str); 5] = [
    ("2009-05-31", "the thirty-first of may"),
    ("1987-11-02", "the second of november"),
    ("2024-02-29", "the twenty-ninth of february"),
    ("2001-01-01", "the first of january"),
    ("1999-12-31", "the thirty-first of december"),
];
pub(crate) const DATE: &str = "date: {{ date }} ||| {{ text }}";

pub(crate) fn jsonl(path: &Path, rows: impl IntoIterator<Item = Value>) {
    let lines: Vec<String> = rows.into_iter().map(|row| format!("{row}\n")).collect();
    fs::write(path, lines.concat()).unwrap();
}

/// Writes two tasks of different forms and sizes: dates by a template, months by fields. Paths are relative to the file.
pub(crate) fn tasks(dir: &Path) -> PathBuf {
    fs::create_dir(dir.join("data")).unwrap();
    jsonl(&dir.join("data/dates.jsonl"), DATES.map(|(date, text)| json!({"date": date, "text": text})));
    jsonl(
        &dir.join("data/months.jsonl"),
        (1..8).map(|n| json!({"question": format!("month {n}"), "target": "may"})),
    );
    let tasks = json!([
        {"name": "dates", "data": "data/dates.jsonl", "eval": "data/dates.jsonl", "template": DATE},
        {"name": "months", "data": "data/months.jsonl", "eval": "data/months.jsonl", "input_field": "question",
         "target_field": "target"},
    ]);
    fs::write(dir.join("tasks.json"), tasks.to_string()).unwrap();
    dir.join("tasks.json")
}

pub(crate) fn command(base: &Path, tasks: &Path, out: &Path, more: &[&str]) -> Command {
    let mut command = ia3();
    command.arg("train").arg("--base").arg(base).arg("--tasks").arg(tasks).arg("--out").arg(out);
    let usual = [["--lr", "0.02"], ["--format", "json"]];
    let wanted = usual.iter().filter(|[name, _]| !more.contains(name)).flatten();
    command.args(["--batch-size", "2"]).args(wanted).args(more);
    command
}

pub(crate) fn train(tasks: &Path, out: &Path, more: &[&str]) -> Command {
    command(&workspace().join("examples/base"), tasks, out, more)
}

pub(crate) fn finished(mut command: Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

pub(crate) fn report(command: Command) -> Value {
    serde_json::from_slice(&finished(command).stdout).unwrap()
}
