//! What `ia3 train` reports before it trains and writes at its end: dry run, memory check, plot, model card, epochs.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common::{ia3, workspace};
use serde_json::Value;

fn data(dir: &Path, rows: usize, words: usize) -> PathBuf {
    let path = dir.join("train.jsonl");
    let mut text = String::new();
    for row in 0..rows {
        let day = row % 28 + 1;
        let target = vec!["may"; words].join(" ");
        writeln!(text, r#"{{"input": "date: 2009-05-{day:02}", "target": "{target} {day}"}}"#).unwrap();
    }
    std::fs::write(&path, text).unwrap();
    path
}

fn command(data: &Path, out: &Path, more: &[&str]) -> Command {
    let mut command = ia3();
    command.arg("train").arg("--base").arg(workspace().join("examples/base"));
    command.arg("--data").arg(data).arg("--out").arg(out);
    command.args(["--lr", "0.05", "--optimizer", "adamw"]).args(more);
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).to_string()
}

#[test]
fn a_dry_run_describes_the_training_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (data, out) = (data(dir.path(), 10, 3), dir.path().join("out"));
    let more = ["--steps", "50", "--batch-size", "4", "--gradient-accumulation-steps", "2", "--dry-run"];
    let output = command(&data, &out, &[&more[..], &["--format", "json"]].concat()).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(plan["sites"].as_array().unwrap().len(), 16);
    assert_eq!(plan["trainable_parameters"], 3584);
    assert_eq!((&plan["rows"], &plan["batches_per_epoch"]), (&10.into(), &3.into()));
    assert_eq!(plan["measured_steps"], 3);
    // The training has 100 batches, and an epoch has three.
    assert!((plan["epochs"].as_f64().unwrap() - 100.0 / 3.0).abs() < 1e-9);
    for positive in ["tokens", "tokens_per_second", "seconds_estimate"] {
        assert!(plan[positive].as_f64().unwrap() > 0.0, "{positive}");
    }
    let padding = plan["padding_share"].as_f64().unwrap();
    assert!((0.0..0.5).contains(&padding), "{padding}");
    // The 925,696 values of the base in float32.
    assert_eq!(plan["memory_estimate"]["base"], 4 * 925_696);
    let text = command(&data, &out, &more).output().unwrap();
    let text = String::from_utf8_lossy(&text.stdout).to_string();
    assert!(text.contains("16 vectors") && text.ends_with("nothing was written.\n"), "{text}");
    assert!(!out.exists());
}

#[test]
fn a_training_that_does_not_fit_into_memory_is_refused_before_the_base_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let (data, out) = (data(dir.path(), 20_000, 60), dir.path().join("out"));
    let output = command(&data, &out, &["--steps", "1", "--batch-size", "20000"]).output().unwrap();
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{message}");
    for part in ["needs an estimated", "batch of 20000", "--batch-size", "--no-memory-check"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(!out.exists());
}

#[test]
fn the_folder_has_a_plot_a_model_card_and_a_line_per_epoch() {
    let dir = tempfile::tempdir().unwrap();
    let (data, out) = (data(dir.path(), 8, 3), dir.path().join("out"));
    let eval = data.display().to_string();
    let more =
        ["--steps", "7", "--batch-size", "4", "--eval", &eval, "--eval-steps", "3", "--format", "json"];
    let output = command(&data, &out, &more).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();

    let metrics = std::fs::read_to_string(out.join("metrics.jsonl")).unwrap();
    let lines: Vec<Value> = metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let steps = |name: &str| -> Vec<u64> {
        lines.iter().filter(|l| l[name].is_number()).map(|l| l["step"].as_u64().unwrap()).collect()
    };
    assert_eq!(steps("loss"), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(steps("tokens_per_second"), steps("loss"));
    assert_eq!(steps("epoch_loss"), [2, 4, 6], "an epoch has two batches");
    assert_eq!(steps("eval_loss"), [3, 6, 7], "the last step is evaluated too");
    let losses: Vec<f64> = lines.iter().filter_map(|l| l["loss"].as_f64()).collect();
    let second = lines.iter().find(|l| l["epochs_done"] == 2.0).unwrap()["epoch_loss"].as_f64().unwrap();
    assert!((second - (losses[2] + losses[3]) / 2.0).abs() < 1e-6, "{second} {losses:?}");

    let picture = std::fs::read_to_string(out.join("loss.svg")).unwrap();
    for curve in ["training loss", "held-out loss", "exact match"] {
        assert!(picture.contains(curve), "{curve}");
    }
    let card = std::fs::read_to_string(out.join("README.md")).unwrap();
    assert!(card.starts_with("---\nbase_model: ") && card.contains("library_name: peft"), "{card}");
    let evaluation = &report["evaluation"];
    let of = |name: &str| format!("{:.4}", evaluation[name].as_f64().unwrap());
    let row = format!("| loss on 8 held-out rows | {} | {} |", of("loss_before"), of("loss_after"));
    assert!(card.contains(&row), "{row}\n{card}");
    assert!(card.contains("ia3 train --base ") && card.contains("--lr 0.05"), "{card}");
    assert!(card.contains("| peak learning rate | 0.05 |") && card.contains("(loss.svg)"), "{card}");
}

/// The messages of an event file.
fn events(out: &Path) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(out.join("tensorboard/events.out.tfevents.0.ia3")).unwrap();
    let (mut at, mut events) = (0, vec![]);
    while at < bytes.len() {
        let length = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
        events.push(bytes[at + 12..at + 12 + length].to_vec());
        at += length + 16;
    }
    events
}

#[test]
fn tensorboard_gets_every_line_of_the_metrics_also_after_a_resume() {
    let dir = tempfile::tempdir().unwrap();
    let (data, out) = (data(dir.path(), 8, 3), dir.path().join("out"));
    let eval = data.display().to_string();
    let train = |steps: &str| {
        let more = ["--steps", steps, "--batch-size", "4", "--eval", &eval, "--eval-steps", "3"];
        let output = command(&data, &out, &[&more[..], &["--tensorboard", "--save-steps", "2"]].concat())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let lines = std::fs::read_to_string(out.join("metrics.jsonl")).unwrap().lines().count();
        let events = events(&out);
        assert_eq!(events.len(), lines + 1, "a record per line, and the version");
        let has = |tag: &str| {
            events.iter().any(|event| event.windows(tag.len()).any(|bytes| bytes == tag.as_bytes()))
        };
        for tag in [
            "brain.Event:2",
            "train/loss",
            "train/learning_rate",
            "eval/loss",
            "eval/exact_match",
            "train/epoch_loss",
        ] {
            assert!(has(tag), "{tag}");
        }
        events.len()
    };
    let first = train("4");
    assert_eq!(train("4"), first, "a finished training");
}

#[cfg(unix)]
#[test]
fn two_trainings_cannot_use_one_folder_at_the_same_time() {
    let dir = tempfile::tempdir().unwrap();
    let (data, out) = (data(dir.path(), 8, 3), dir.path().join("out"));
    let mut first = command(&data, &out, &["--steps", "1000000"]).spawn().unwrap();
    let start = std::time::Instant::now();
    while !out.join("metrics.jsonl").exists() && start.elapsed().as_secs() < 60 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let second = command(&data, &out, &["--steps", "1000000"]).output().unwrap();
    let process = first.id();
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let expected = format!("the process {process} writes into `{}`; wait until it ends", out.display());
    assert!(stderr(&second).contains(&expected), "{}", stderr(&second));
}
