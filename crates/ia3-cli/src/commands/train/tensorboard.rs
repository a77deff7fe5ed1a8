//! TensorBoard's event file: the numbers of `metrics.jsonl` by step.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use serde_json::Value;

use super::event;

/// The folder in that of the training.
const FOLDER: &str = "tensorboard";
/// TensorBoard reads files with `tfevents` in their names. A training has one, which a later part of it replaces.
const FILE: &str = "events.out.tfevents.0.ia3";

/// The open file.
pub(super) struct EventFile {
    path: PathBuf,
    file: File,
    /// The time at which the training would have begun without a pause, in seconds since 1970.
    start: f64,
    /// The seconds of training of the last line.
    seconds: f64,
}

impl EventFile {
    /// Writes the lines of `metrics.jsonl` that there are, after `seconds` of training, and keeps the file open.
    pub(super) fn open(out: &Path, lines: &str, seconds: f64) -> anyhow::Result<Self> {
        let folder = out.join(FOLDER);
        let failed = || format!("cannot write {}", folder.display());
        std::fs::create_dir_all(&folder).with_context(failed)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
        let (path, start) = (folder.join(FILE), now - seconds);
        let mut bytes = event::version(start);
        let mut at = 0.0;
        for line in lines.lines().filter_map(|line| serde_json::from_str(line).ok()) {
            bytes.extend(of_line(&line, start, &mut at));
        }
        // The file is replaced as a whole, as `metrics.jsonl` is.
        ia3::io::write_file(&path, &bytes)?;
        let file = OpenOptions::new().append(true).open(&path).with_context(failed)?;
        Ok(Self { path, file, start, seconds: at })
    }

    /// Adds a line of `metrics.jsonl`.
    pub(super) fn add(&mut self, line: &Value) -> anyhow::Result<()> {
        let bytes = of_line(line, self.start, &mut self.seconds);
        self.file.write_all(&bytes).with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// The record of a line. `seconds` is the time of training, which a line may have.
fn of_line(line: &Value, start: f64, seconds: &mut f64) -> Vec<u8> {
    *seconds = line["seconds"].as_f64().unwrap_or(*seconds);
    let mut values = vec![];
    for (name, value) in line.as_object().into_iter().flatten() {
        // The names that transformers gives them.
        let tag = match name.strip_prefix("eval_") {
            Some(name) => format!("eval/{name}"),
            None => format!("train/{name}"),
        };
        if !["step", "seconds"].contains(&name.as_str()) {
            collect(tag, value, &mut values);
        }
    }
    event::scalars(start + *seconds, line["step"].as_i64().unwrap_or(0), &values)
}

/// The numbers in a value; those of an object have its names behind the tag.
fn collect(tag: String, value: &Value, values: &mut Vec<(String, f32)>) {
    match value {
        Value::Number(number) => values.extend(number.as_f64().map(|number| (tag, number as f32))),
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| collect(format!("{tag}/{name}"), value, values));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_of_a_line_have_the_tags_of_transformers() {
        let line =
            json!({"step": 3, "loss": 0.5, "seconds": 2.0, "grad_norm": null, "losses": {"a": 1, "b": 2.5}});
        let mut values = vec![];
        for (name, value) in line.as_object().unwrap() {
            collect(name.clone(), value, &mut values);
        }
        let expected = [("loss", 0.5), ("losses/a", 1.0), ("losses/b", 2.5), ("seconds", 2.0), ("step", 3.0)];
        values.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(values, expected.map(|(tag, value)| (tag.to_string(), value)));
        let mut seconds = 0.0;
        let record = of_line(&line, 100.0, &mut seconds);
        let has = |text: &[u8]| record.windows(text.len()).any(|bytes| bytes == text);
        assert!(has(b"train/losses/a") && has(b"train/loss") && !has(b"seconds") && seconds == 2.0);
    }

    #[test]
    fn a_file_that_continues_has_the_bytes_of_one_that_was_not_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let lines: Vec<Value> =
            (1..4).map(|step| json!({"step": step, "eval_loss": 0.25, "seconds": step})).collect();
        let path = dir.path().join(FOLDER).join(FILE);
        let text = |lines: &[Value]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let mut file = EventFile::open(dir.path(), &text(&lines[..2]), 2.0).unwrap();
        file.add(&lines[2]).unwrap();
        let (added, start) = (std::fs::read(&path).unwrap(), file.start);
        let mut seconds = 0.0;
        let whole: Vec<u8> = lines.iter().flat_map(|line| of_line(line, start, &mut seconds)).collect();
        assert_eq!(added, [event::version(start), whole].concat());
    }
}
