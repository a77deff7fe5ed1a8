//! An `ia3 train` that is killed with SIGKILL and run again gives the same bytes as an uninterrupted one.
#![cfg(unix)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::common::{base_with_dropout, ia3, kill_after, lines, metrics, succeed, workspace};
use serde_json::Value;

fn data(dir: &Path) -> PathBuf {
    let path = dir.join("train.jsonl");
    let mut file = std::fs::File::create(&path).unwrap();
    for (input, target) in [
        ("date: 2009-05-31", "the thirty-first of may two thousand nine"),
        ("date: 1987-11-02", "the second of november nineteen eighty-seven"),
        ("date: 2024-02-29", "the twenty-ninth of february twenty twenty-four"),
        ("date: 2001-01-01", "the first of january two thousand one"),
        ("date: 1999-12-31", "the thirty-first of december nineteen ninety-nine"),
    ] {
        writeln!(file, r#"{{"input": "{input}", "target": "{target}"}}"#).unwrap();
    }
    path
}

const STEPS: usize = 40;

fn command(data: &Path, out: &Path, more: &[&str]) -> Command {
    command_on(&workspace().join("examples/base"), data, out, more)
}

fn command_on(base: &Path, data: &Path, out: &Path, more: &[&str]) -> Command {
    let mut command = ia3();
    command.arg("train").arg("--base").arg(base);
    command.arg("--data").arg(data).arg("--out").arg(out);
    command.args(["--steps", &STEPS.to_string(), "--batch-size", "2", "--lr", "0.02", "--format", "json"]);
    command.args(more);
    command
}

/// The files of a training, and its metrics without the times.
fn left(out: &Path) -> (Vec<u8>, Vec<u8>, Vec<Value>) {
    let read = |name: &str| std::fs::read(out.join(name)).unwrap();
    (read("adapter_model.safetensors"), read("adapter_config.json"), metrics(out))
}

/// Kills a training several times and compares its files with those of an uninterrupted one, whose metrics it returns.
fn survives(base: &Path, more: &[&str]) -> Vec<Value> {
    let command = |data: &Path, out: &Path, more: &[&str]| command_on(base, data, out, more);
    let dir = tempfile::tempdir().unwrap();
    let data = data(dir.path());
    let (whole, killed) = (dir.path().join("whole"), dir.path().join("killed"));
    assert!(command(&data, &whole, more).output().unwrap().status.success());
    let mut leftovers = 0;
    for (i, steps) in [1, 3, 2, 5, 4].into_iter().enumerate() {
        let moment = Duration::from_micros(700 * i as u64);
        kill_after(&mut command(&data, &killed, more), &killed, steps, moment);
        let entries = std::fs::read_dir(killed.join("checkpoints")).into_iter().flatten().flatten();
        leftovers += entries.filter(|e| e.file_name().to_string_lossy().starts_with(".step-")).count();
    }
    println!("{more:?}: {leftovers} checkpoints were being written or removed at a kill");
    assert!(lines(&killed) < left(&whole).2.len(), "it was never interrupted");
    let output = command(&data, &killed, more).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).to_string();
    assert!(output.status.success() && stderr.contains("resuming after step"), "{stderr}");
    let (whole, killed) = (left(&whole), left(&killed));
    assert!(whole.0 == killed.0, "the vectors differ");
    assert!(whole.1 == killed.1, "the configurations differ");
    assert_eq!(whole.2, killed.2);
    whole.2
}

const WAYS: [&[&str]; 2] = [
    &["--save-steps", "1", "--optimizer", "adafactor"],
    &["--save-steps", "2", "--optimizer", "adamw", "--gradient-accumulation-steps", "2"],
];

#[test]
fn a_killed_training_resumes_to_the_same_bytes() {
    for more in WAYS {
        survives(&workspace().join("examples/base"), more);
    }
}

/// Dropout draws random numbers in every step. They are the same with and without a kill.
#[test]
fn a_killed_training_with_dropout_resumes_to_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let (base, data, plain) = (base_with_dropout(dir.path()), data(dir.path()), dir.path().join("plain"));
    for more in WAYS {
        let steps = survives(&base, more);
        assert!(
            command(&data, &plain, &[more, &["--no-resume"]].concat()).output().unwrap().status.success()
        );
        assert_ne!(steps[0]["loss"], metrics(&plain)[0]["loss"], "nothing was dropped");
    }
}

#[test]
fn evaluations_survive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let eval = data(dir.path()).display().to_string();
    let more = ["--save-steps", "3", "--eval", &eval, "--eval-steps", "2", "--patience", "30"];
    survives(&workspace().join("examples/base"), &more);
}

#[test]
fn a_finished_training_is_reported_and_another_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (data, out) = (data(dir.path()), dir.path().join("out"));
    assert!(command(&data, &out, &[]).output().unwrap().status.success());
    let first = left(&out);
    let again = command(&data, &out, &[]).output().unwrap();
    let stderr = String::from_utf8_lossy(&again.stderr).to_string();
    assert!(
        again.status.success() && stderr.contains("this training is finished, at step 40 of 40"),
        "{stderr}"
    );
    assert!(left(&out) == first);

    let other = command(&data, &out, &["--no-shuffle"]).output().unwrap();
    let stderr = String::from_utf8_lossy(&other.stderr).to_string();
    assert!(!other.status.success() && stderr.contains("another shuffle: true, now false"), "{stderr}");

    let other = command(&data, &out, &["--seed", "7"]).output().unwrap();
    let stderr = String::from_utf8_lossy(&other.stderr).to_string();
    assert!(!other.status.success() && stderr.contains("another seed: 42, now 7"), "{stderr}");
    assert!(left(&out) == first, "a refused training changes nothing");

    // One error names everything that differs.
    let lines = std::fs::read_to_string(&data).unwrap();
    std::fs::write(&data, lines.replace("may", "june")).unwrap();
    let eval = data.display().to_string();
    let more = ["--optimizer", "adamw", "--target", "k,v", "--max-grad-norm", "0.5", "--mc-loss", "0.5"];
    let more =
        [&more[..], &["--feedforward", "", "--eval", &eval, "--eval-steps", "4", "--seed", "7"]].concat();
    let other = command(&data, &out, &more).output().unwrap();
    let stderr = String::from_utf8_lossy(&other.stderr).to_string();
    assert!(!other.status.success(), "{stderr}");
    for part in [
        "another seed: 42, now 7",
        "another max_grad_norm: 1.0, now 0.5",
        "another mc_loss: 1.0, now 0.5",
        "another eval_steps: none, now 4",
        "another target_modules: [\"k\",\"v\",\"wo\"], now [\"k\",\"v\"]",
        "another feedforward_modules: [\"wo\"], now []",
        "another optimizer: {\"Adafactor\"",
        "another data: ",
        "another held-out data: ",
    ] {
        assert!(stderr.contains(part), "{part}\n{stderr}");
    }
    for same in ["another batch_size", "another schedule", "another base", "another patience"] {
        assert!(!stderr.contains(same), "{same}\n{stderr}");
    }
    assert!(left(&out) == first, "a refused training changes nothing");
    std::fs::write(&data, lines).unwrap();
    let anew = command(&data, &out, &["--seed", "7", "--no-resume"]).output().unwrap();
    assert!(anew.status.success(), "{}", String::from_utf8_lossy(&anew.stderr));
    assert!(left(&out).0 != first.0);
}

#[test]
fn patience_ends_a_training_and_the_best_adapter_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (data, out) = (data(dir.path()), dir.path().join("out"));
    let eval = data.display().to_string();
    // The learning rate is so high that later steps are worse.
    let more =
        ["--eval", &eval, "--eval-steps", "2", "--patience", "2", "--lr", "0.3", "--optimizer", "adamw"];
    let mut train = ia3();
    train.arg("train").arg("--base").arg(workspace().join("examples/base")).arg("--data").arg(&data);
    train.arg("--out").arg(&out).args(["--steps", "200", "--format", "json"]).args(more);
    let output = train.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let steps = report["steps"].as_u64().unwrap();
    assert!(steps < 200, "{report}");
    let metrics = std::fs::read_to_string(out.join("metrics.jsonl")).unwrap();
    let losses: Vec<f64> = metrics
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).unwrap()["eval_loss"].as_f64())
        .collect();
    let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(report["evaluation"]["loss_after"].as_f64().unwrap(), best, "{losses:?}");
    assert!(losses[losses.len() - 3] == best && losses[losses.len() - 1] > best, "{losses:?}");
    let inspected = succeed(&["inspect", &out.display().to_string()]);
    assert!(inspected.contains("16 vectors"), "{inspected}");
}

#[test]
fn a_loss_that_is_not_finite_names_the_lines_and_keeps_the_last_good_state() {
    let dir = tempfile::tempdir().unwrap();
    let (data, out) = (data(dir.path()), dir.path().join("out"));
    let mut train = ia3();
    train.arg("train").arg("--base").arg(workspace().join("examples/base")).arg("--data").arg(&data);
    train.arg("--out").arg(&out).args(["--steps", "50", "--batch-size", "2", "--lr", "1e39"]);
    train.args(["--optimizer", "adamw", "--warmup-ratio", "0"]);
    let output = train.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).to_string();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("training stopped at lines ") && stderr.contains("train.jsonl"), "{stderr}");
    assert!(stderr.contains(" at step ") && stderr.contains("was saved to"), "{stderr}");
    let file = std::fs::read(out.join("adapter_model.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&file).unwrap();
    for (name, tensor) in file.tensors() {
        let values = tensor.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b));
        assert!(values.into_iter().all(f32::is_finite), "{name}");
    }
}
