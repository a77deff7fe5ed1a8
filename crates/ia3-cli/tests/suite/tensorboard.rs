//! The event files of `ia3 train --tensorboard`, read by TensorBoard itself.

use std::collections::BTreeMap;
use std::process::Command;

use crate::common::{succeed, workspace};
use serde_json::Value;

/// Names a Python that has the package `tensorboard`.
const PYTHON: &str = "IA3_TENSORBOARD_PYTHON";

/// Prints the numbers of a folder: for each tag the steps with their values.
const READ: &str = "
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
read = EventAccumulator(sys.argv[1])
read.Reload()
print(json.dumps({tag: [[e.step, e.value] for e in read.Scalars(tag)] for tag in read.Tags()['scalars']}))
";

type Scalars = BTreeMap<String, Vec<(i64, f64)>>;

#[test]
fn tensorboard_reads_the_numbers_of_the_metrics() {
    let Some(python) = std::env::var_os(PYTHON) else {
        return ia3_testing::skip(format!("{PYTHON} names no Python with the package `tensorboard`"));
    };
    let dir = tempfile::tempdir().unwrap();
    let (data, out) = (dir.path().join("train.jsonl"), dir.path().join("out"));
    let row = |day: usize| format!("{{\"input\": \"date: 2009-05-{day:02}\", \"target\": \"may {day}\"}}\n");
    std::fs::write(&data, (1..9).map(row).collect::<String>()).unwrap();
    let base = workspace().join("examples/base").display().to_string();
    let [data, out_text] = [&data, &out].map(|path| path.display().to_string());
    let args =
        ["train", "--base", &base, "--data", &data, "--eval", &data, "--out", &out_text, "--tensorboard"];
    let more = ["--steps", "7", "--batch-size", "4", "--eval-steps", "3"];
    succeed(&[&args[..], &more].concat());
    let read = Command::new(python).args(["-c", READ]).arg(out.join("tensorboard")).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let found: Scalars = serde_json::from_slice(&read.stdout).unwrap();
    let mut wanted = Scalars::new();
    for line in std::fs::read_to_string(out.join("metrics.jsonl")).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let step = line["step"].as_i64().unwrap();
        for (name, value) in line.as_object().unwrap() {
            let Some(value) = value.as_f64().filter(|_| !["step", "seconds"].contains(&name.as_str())) else {
                continue;
            };
            let tag =
                name.strip_prefix("eval_").map_or(format!("train/{name}"), |name| format!("eval/{name}"));
            // TensorBoard keeps float32.
            wanted.entry(tag).or_default().push((step, f64::from(value as f32)));
        }
    }
    assert!(wanted["train/loss"].len() == 7 && wanted["eval/loss"].len() > 2, "{wanted:?}");
    assert_eq!(found, wanted);
}
