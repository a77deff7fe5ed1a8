//! `ia3 train --tasks`: an adapter for each of several tasks, in one run.

use crate::common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::common::tasks::{DATE, command, finished, jsonl, report, tasks, train};
use crate::common::{ia3, metrics, names, run, succeed, tensor, workspace};
use serde_json::{Value, json};

const STEPS: usize = 40;

/// The files of a training that hold no times: those of every adapter, of the last checkpoint, and the plot.
fn left(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let checkpoint = out.join(format!("checkpoints/step-{STEPS:06}"));
    for (place, folder) in [("", out), ("checkpoint/", &checkpoint)] {
        for task in ["dates", "months"] {
            for name in ["adapter_model.safetensors", "adapter_config.json"] {
                let path = folder.join(task).join(name);
                files.insert(format!("{place}{task}/{name}"), fs::read(&path).unwrap());
            }
        }
    }
    files.insert("loss.svg".into(), fs::read(out.join("loss.svg")).unwrap());
    files.insert("state".into(), fs::read(checkpoint.join("trainer_state.bpk")).unwrap());
    files
}

/// Kills a training several times and compares its files with those of an uninterrupted one, whose metrics it returns.
#[cfg(unix)]
fn survives(base: &Path, more: &[&str]) -> Vec<Value> {
    use std::time::Duration;

    let train = |tasks: &Path, out: &Path, more: &[&str]| command(base, tasks, out, more);
    let dir = tempfile::tempdir().unwrap();
    let (tasks, whole, killed) = (tasks(dir.path()), dir.path().join("whole"), dir.path().join("killed"));
    let steps = STEPS.to_string();
    let more = [more, &["--steps", &steps]].concat();
    finished(train(&tasks, &whole, &more));
    for (i, steps) in [1, 3, 2, 5, 4].into_iter().enumerate() {
        let moment = Duration::from_micros(700 * i as u64);
        common::kill_after(&mut train(&tasks, &killed, &more), &killed, steps, moment);
    }
    assert!(common::lines(&killed) < metrics(&whole).len(), "it was never interrupted");
    let last = finished(train(&tasks, &killed, &more));
    let stderr = String::from_utf8_lossy(&last.stderr);
    assert!(stderr.contains("resuming after step"), "{stderr}");
    for (file, bytes) in left(&whole) {
        assert!(left(&killed)[&file] == bytes, "{file} differs");
    }
    assert_eq!(metrics(&whole), metrics(&killed));
    metrics(&whole)
}

/// Epochs of three and of four batches, the last of which are smaller.
#[cfg(unix)]
#[test]
fn a_killed_training_of_two_tasks_resumes_to_the_same_bytes() {
    let base = workspace().join("examples/base");
    let whole = survives(&base, &["--save-steps", "1", "--optimizer", "adafactor"]);
    let more = ["--save-steps", "3", "--optimizer", "adamw", "--gradient-accumulation-steps", "2"];
    let more = [&more[..], &["--eval-steps", "4", "--patience", "30"]].concat();
    survives(&base, &more);

    // Dropout depends on the step alone, so it does not change this.
    let dir = tempfile::tempdir().unwrap();
    let base = common::base_with_dropout(dir.path());
    let dropped = survives(&base, &["--save-steps", "1", "--optimizer", "adafactor"]);
    assert_ne!(whole[0]["losses"], dropped[0]["losses"], "nothing was dropped");
    survives(&base, &more);
}

#[cfg(unix)]
#[test]
fn an_interrupt_saves_every_adapter_and_a_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let (tasks, out) = (tasks(dir.path()), dir.path().join("out"));
    let more = ["--steps", "100000", "--save-steps", "0"];
    let child = train(&tasks, &out, &more).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = std::time::Instant::now();
    while common::lines(&out) < 5 && start.elapsed().as_secs() < 60 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    // SAFETY: the process is a child of ours that has not been waited for.
    assert_eq!(unsafe { libc::kill(child.id() as i32, libc::SIGINT) }, 0);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = succeed(&["status", &out.display().to_string()]);
    assert!(listed.contains("\ndates ") && listed.contains("\nmonths "), "{listed}");
    let checkpoints: Vec<_> = fs::read_dir(out.join("checkpoints")).unwrap().flatten().collect();
    assert!(checkpoints.iter().any(|entry| entry.path().join("months/adapter_config.json").exists()));
}

#[test]
fn every_task_has_its_own_folder_figures_and_evaluation() {
    let dir = tempfile::tempdir().unwrap();
    let (tasks, out) = (tasks(dir.path()), dir.path().join("out"));
    let more = ["--steps", "60", "--eval-steps", "20", "--optimizer", "adamw", "--lr", "0.05"];
    let report = report(train(&tasks, &out, &more));
    assert_eq!((&report["steps"], &report["trainable_parameters"]), (&json!(60), &json!(2 * 3584)));

    let lines = metrics(&out);
    let steps: Vec<&Value> = lines.iter().filter(|line| line["loss"].is_number()).collect();
    assert_eq!(steps.len(), 60);
    for line in steps {
        let of = |field: &str, task: &str| line[field][task].as_f64().unwrap();
        let mean = (of("losses", "dates") + of("losses", "months")) / 2.0;
        assert!((line["loss"].as_f64().unwrap() - mean).abs() < 1e-5, "{line}");
        assert!(of("grad_norms", "dates") > 0.0 && of("grad_norms", "months") > 0.0, "{line}");
    }
    // The best evaluation is that with the best mean over the tasks. Its adapters are kept.
    let evaluations: Vec<&Value> = lines.iter().filter(|line| line["eval_loss"].is_number()).collect();
    let means: Vec<f64> = evaluations.iter().map(|line| line["eval_loss"].as_f64().unwrap()).collect();
    assert_eq!(means.len(), 3);
    let best = means.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(report["evaluation"]["loss_after"].as_f64().unwrap(), best);
    let best = evaluations[means.iter().position(|mean| *mean == best).unwrap()];

    let base = workspace().join("examples/base").display().to_string();
    for (i, (name, data)) in
        [("dates", ["--template", DATE]), ("months", ["--input-field", "question"])].into_iter().enumerate()
    {
        let task = &report["tasks"][i];
        let after = task["evaluation"]["loss_after"].as_f64().unwrap();
        assert_eq!((task["name"].as_str(), &best["eval_tasks"][name]["loss"]), (Some(name), &json!(after)));
        assert!(after < 0.5 * task["evaluation"]["loss_before"].as_f64().unwrap(), "{task}");
        let folder = out.join(name).display().to_string();
        assert_eq!(task["out"], folder);
        let file = dir.path().join(format!("data/{name}.jsonl")).display().to_string();
        let args = ["eval", "--base", &base, "--adapter", &folder, "--data", &file, "--format", "json"];
        let target = if name == "months" { &["--target-field", "target"][..] } else { &[] };
        let found: Value = serde_json::from_str(&succeed(&[&args[..], &data, target].concat())).unwrap();
        let loss = found["runs"][0]["loss"].as_f64().unwrap();
        assert!((loss - after).abs() < 1e-5, "{name}: {loss} {after}");
        let card = fs::read_to_string(out.join(name).join("README.md")).unwrap();
        assert!(card.contains("library_name: peft") && card.contains("(../loss.svg)"), "{card}");
        let other = if name == "dates" { "months" } else { "dates" };
        assert!(card.contains(&format!("| task | `{name}`, trained together with `{other}` |")), "{card}");
        assert!(card.contains("3584 of 929280 parameters trained"), "{card}");
    }
    let text = finished(train(&tasks, &out, &[&more[..], &["--format", "text"]].concat()));
    let text = String::from_utf8_lossy(&text.stdout);
    assert!(text.contains("\ndates: loss ") && text.contains("\nmonths: loss "), "{text}");
}

/// Adapters with heads start with the same values, so training them together or alone differs by rounding only.
#[test]
fn heads_trained_together_equal_heads_trained_alone() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().join("bert");
    fs::create_dir(&base).unwrap();
    for name in ["config.json", "model.safetensors"] {
        fs::copy(workspace().join("fixtures/bert/base").join(name), base.join(name)).unwrap();
    }
    fs::copy(workspace().join("examples/base/tokenizer.json"), base.join("tokenizer.json")).unwrap();
    let months = ["may", "june", "july", "march", "april"];
    let row = |n: usize, label| json!({"text": months[n], "label": label});
    jsonl(&dir.path().join("a.jsonl"), (0..5).map(|n| row(n, n % 3)));
    jsonl(&dir.path().join("b.jsonl"), (0..4).map(|n| row(n, (n + 1) % 2)));
    let list = json!([{"name": "a", "data": "a.jsonl"}, {"name": "b", "data": "b.jsonl"}]);
    fs::write(dir.path().join("tasks.json"), list.to_string()).unwrap();
    let out = |name: &str| dir.path().join("out").join(name);
    let more = ["--steps", "8", "--optimizer", "adamw"];
    finished(command(&base, &dir.path().join("tasks.json"), &out("together"), &more));
    for name in ["a", "b"] {
        let mut alone = ia3();
        alone
            .arg("train")
            .arg("--base")
            .arg(&base)
            .arg("--data")
            .arg(dir.path().join(format!("{name}.jsonl")));
        alone.arg("--out").arg(out(name)).args(["--batch-size", "2", "--lr", "0.02"]).args(more);
        finished(alone);
        let [together, alone] =
            [out("together").join(name), out(name)].map(|dir| dir.join("adapter_model.safetensors"));
        assert_eq!(names(&together), names(&alone));
        let head = "base_model.model.classifier.weight";
        assert!(names(&together).contains(head), "{:?}", names(&together));
        for tensor_name in names(&together) {
            let (together, alone) = (tensor(&together, &tensor_name), tensor(&alone, &tensor_name));
            let worst = together.iter().zip(&alone).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(worst < 1e-5, "{tensor_name}: {worst:e}");
        }
    }
}

#[test]
fn a_loss_that_is_not_finite_names_the_task_and_its_lines() {
    let dir = tempfile::tempdir().unwrap();
    let (tasks, out) = (tasks(dir.path()), dir.path().join("out"));
    let more = ["--steps", "50", "--lr", "1e39", "--optimizer", "adamw", "--warmup-ratio", "0"];
    let output = train(&tasks, &out, &more).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).to_string();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("training stopped at lines ") && stderr.contains("was saved to"), "{stderr}");
    assert!(stderr.contains("data/dates.jsonl") && stderr.contains("  because: task `dates`: "), "{stderr}");
    for task in ["dates", "months"] {
        let file = out.join(task).join("adapter_model.safetensors");
        for name in names(&file) {
            assert!(tensor(&file, &name).into_iter().all(f64::is_finite), "{task}: {name}");
        }
    }
}

#[test]
fn a_dry_run_describes_every_task() {
    let dir = tempfile::tempdir().unwrap();
    let (tasks, out) = (tasks(dir.path()), dir.path().join("out"));
    let more = ["--steps", "6", "--gradient-accumulation-steps", "2", "--dry-run"];
    let plan = report(train(&tasks, &out, &more));
    assert_eq!(plan["trainable_parameters"], 2 * 3584);
    // The training has twelve batches of each task; an epoch has three of one and four of the other.
    let facts = |task: &Value| json!([task["name"], task["rows"], task["batches_per_epoch"], task["epochs"]]);
    let of_tasks: Vec<Value> = plan["tasks"].as_array().unwrap().iter().map(facts).collect();
    assert_eq!(of_tasks, [json!(["dates", 5, 3, 4.0]), json!(["months", 7, 4, 3.0])]);
    assert_eq!(
        (&plan["rows"], &plan["batches_per_epoch"], &plan["epochs"]),
        (&json!(12), &json!(4), &json!(3.0))
    );
    let sum: f64 =
        plan["tasks"].as_array().unwrap().iter().map(|task| task["tokens"].as_f64().unwrap()).sum();
    assert_eq!(plan["tokens"].as_f64().unwrap(), sum);
    assert!(plan["memory_estimate"]["activations"].as_u64().unwrap() > 0);
    let text = finished(train(&tasks, &out, &[&more[..], &["--format", "text"]].concat()));
    let text = String::from_utf8_lossy(&text.stdout).to_string();
    assert!(text.contains("16 vectors for each of 2 tasks"), "{text}");
    assert!(text.contains("\ndates: 4.00 epochs of 5 rows in 3 batches, "), "{text}");
    assert!(!out.exists());
}

#[test]
fn another_list_of_tasks_is_not_resumed() {
    let dir = tempfile::tempdir().unwrap();
    let (tasks, out) = (tasks(dir.path()), dir.path().join("out"));
    finished(train(&tasks, &out, &["--steps", "2"]));
    let before = fs::read(out.join("dates/adapter_model.safetensors")).unwrap();
    let list = fs::read_to_string(&tasks).unwrap();
    for (from, to, message) in [
        ("\"months\"", "\"years\"", "another choice of tasks: dates, months, now dates, years"),
        ("date: ", "day: ", "another data of task `dates`: "),
    ] {
        fs::write(&tasks, list.replace(from, to)).unwrap();
        let output = train(&tasks, &out, &["--steps", "2"]).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).to_string();
        assert!(!output.status.success() && stderr.contains(message), "{stderr}");
    }
    assert!(fs::read(out.join("dates/adapter_model.safetensors")).unwrap() == before);
}

#[test]
fn a_list_of_tasks_excludes_data_and_eval() {
    let dir = tempfile::tempdir().unwrap();
    let list = tasks(dir.path()).display().to_string();
    let base = workspace().join("examples/base").display().to_string();
    let args = ["train", "--base", &base, "--out", "out", "--tasks", &list];
    for other in ["--data", "--eval"] {
        let output = run(&[&args[..], &[other, "x"]].concat());
        assert_eq!(output.status.code(), Some(2));
        let stderr = String::from_utf8_lossy(&output.stderr).to_string();
        assert!(
            stderr.contains("'--tasks <FILE>' cannot be used with '") || stderr.contains(other),
            "{stderr}"
        );
    }
    let output = run(&args[..5]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("--data <FILE>"));
}

#[test]
fn a_missing_list_of_tasks_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let missing = train(&dir.path().join("none.json"), &dir.path().join("out"), &[]).output().unwrap();
    assert!(String::from_utf8_lossy(&missing.stderr).contains("none.json\n  because: No such file"));
}
