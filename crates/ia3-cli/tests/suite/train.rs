//! `ia3 train`, from a data file to an adapter folder, and its interruption.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::common::{ia3, succeed, tensor, workspace};

fn base() -> String {
    workspace().join("examples/base").display().to_string()
}

/// Dates in a style that the base has not learned.
fn data(dir: &Path, name: &str) -> PathBuf {
    let path = dir.join(name);
    let mut file = std::fs::File::create(&path).unwrap();
    for (input, target) in [
        ("date: 2009-05-31", "the thirty-first of may two thousand nine"),
        ("date: 1987-11-02", "the second of november nineteen eighty-seven"),
        ("date: 2024-02-29", "the twenty-ninth of february twenty twenty-four"),
    ] {
        writeln!(file, r#"{{"input": "{input}", "target": "{target}"}}"#).unwrap();
    }
    path
}

#[test]
fn an_adapter_is_trained_on_json_lines_and_used() {
    let dir = tempfile::tempdir().unwrap();
    let data = data(dir.path(), "train.jsonl").display().to_string();
    let out = dir.path().join("adapter").display().to_string();
    let report = succeed(&[
        "train",
        "--base",
        &base(),
        "--data",
        &data,
        "--eval",
        &data,
        "--out",
        &out,
        "--steps",
        "40",
        "--batch-size",
        "3",
        "--lr",
        "0.05",
        "--optimizer",
        "adamw",
        "--format",
        "json",
    ]);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["trainable_parameters"], 3584);
    assert_eq!(report["steps"], 40);
    assert_eq!(report["evaluation"]["exact_match_before"], 0.0);
    let (before, after) = (&report["evaluation"]["loss_before"], &report["evaluation"]["loss_after"]);
    assert!(after.as_f64().unwrap() < 0.5 * before.as_f64().unwrap(), "{report}");

    let inspected = succeed(&["inspect", &out, "--base", &base()]);
    assert!(
        inspected.contains("3584 parameters in 16 vectors") && inspected.contains("\nfits "),
        "{inspected}"
    );
    let say = |adapter: &[&str]| {
        let base = base();
        let mut args = vec!["generate", "--base", &base, "--prompt", "date: 2009-05-31"];
        args.extend(adapter);
        succeed(&args)
    };
    assert_eq!(say(&[]), "may thirty-first two thousand nine\n");
    assert!(
        say(&["--adapter", &out]).starts_with("the thirty-first of may"),
        "{}",
        say(&["--adapter", &out])
    );
    assert_eq!(say(&["--adapter", &out]), say(&["--adapter", &out, "--merge"]));
}

#[test]
fn the_targets_can_be_named_given_as_a_pattern_or_taken_from_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let data = data(dir.path(), "train.jsonl").display().to_string();
    let train = |name: &str, targets: &[&str]| -> u64 {
        let (base, out) = (base(), dir.path().join(name).display().to_string());
        let mut args = vec!["train", "--base", &base, "--data", &data, "--out", &out, "--steps", "2"];
        args.extend(["--format", "json"]);
        args.extend(targets);
        let report: serde_json::Value = serde_json::from_str(&succeed(&args)).unwrap();
        report["trainable_parameters"].as_u64().unwrap()
    };
    assert_eq!(train("names", &["--target", "q,wo", "--feedforward", "wo"]), 6 * 128 + 4 * 512);
    assert_eq!(train("pattern", &["--target", r".*EncDecAttention\.(k|v)", "--feedforward", "x^"]), 4 * 128);
    let config = dir.path().join("names/adapter_config.json").display().to_string();
    assert_eq!(train("file", &["--config", &config]), 6 * 128 + 4 * 512);
}

#[cfg(unix)]
#[test]
fn an_interrupt_saves_the_state() {
    let dir = tempfile::tempdir().unwrap();
    let data = data(dir.path(), "train.jsonl").display().to_string();
    let out = dir.path().join("adapter");
    let child = ia3()
        .args([
            "train",
            "--base",
            &base(),
            "--data",
            &data,
            "--steps",
            "1000000",
            "--format",
            "json",
            "--out",
        ])
        .arg(&out)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    std::thread::sleep(Duration::from_secs(4));
    // SAFETY: the process is a child of ours that has not been waited for.
    assert_eq!(unsafe { libc::kill(child.id() as i32, libc::SIGINT) }, 0);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(start.elapsed() < Duration::from_secs(60));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["stopped_early"], true);
    assert!(
        String::from_utf8_lossy(&output.stderr)
            .contains("the training was interrupted and its state was saved")
    );
    let inspected = succeed(&["inspect", &out.display().to_string(), "--base", &base()]);
    assert!(inspected.contains("16 vectors"), "{inspected}");
}

/// A GPT-2 with random weights and a tokenizer that fits its vocabulary.
fn decoder(dir: &Path) -> String {
    let base = dir.join("gpt2");
    std::fs::create_dir(&base).unwrap();
    let from = workspace().join("fixtures/gpt2/base");
    for name in ["config.json", "model.safetensors"] {
        std::fs::copy(from.join(name), base.join(name)).unwrap();
    }
    std::fs::copy(workspace().join("examples/base/tokenizer.json"), base.join("tokenizer.json")).unwrap();
    base.display().to_string()
}

#[test]
fn a_decoder_learns_a_continuation_and_its_queries_stay_at_one() {
    let dir = tempfile::tempdir().unwrap();
    let base = decoder(dir.path());
    let data = dir.path().join("train.jsonl");
    std::fs::write(&data, "{\"input\": \"may \", \"target\": \"june\"}\n").unwrap();
    let [data, out] = [data, dir.path().join("adapter")].map(|path| path.display().to_string());
    let report = succeed(&[
        "train",
        "--base",
        &base,
        "--data",
        &data,
        "--eval",
        &data,
        "--out",
        &out,
        "--kv-only",
        "--steps",
        "100",
        "--batch-size",
        "1",
        "--lr",
        "0.05",
        "--optimizer",
        "adamw",
        "--format",
        "json",
    ]);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["trainable_parameters"], 336 - 2 * 24, "the queries of two layers are held");
    let (before, after) = (&report["evaluation"]["loss_before"], &report["evaluation"]["loss_after"]);
    assert!(after.as_f64().unwrap() < 0.1 * before.as_f64().unwrap(), "{report}");
    assert_eq!(report["evaluation"]["exact_match_after"], 1.0);

    let config = std::fs::read_to_string(Path::new(&out).join("adapter_config.json")).unwrap();
    assert!(config.contains("\"task_type\": \"CAUSAL_LM\""), "{config}");
    let file = Path::new(&out).join("adapter_model.safetensors");
    let vector = tensor(&file, "base_model.model.transformer.h.1.attn.c_attn.ia3_l");
    assert!(vector[..24].iter().all(|l| *l == 1.0) && vector[24..].iter().all(|l| *l != 1.0), "{vector:?}");

    let generate =
        ["generate", "--base", &base, "--adapter", &out, "--prompt", "may ", "--max-new-tokens", "8"];
    let said = succeed(&generate);
    assert_eq!(said, "may june\n");
    assert_eq!(succeed(&[&generate[..], &["--sample", "--top-k", "1"]].concat()), said);
    // With `--stream` only the new text is printed.
    assert_eq!(succeed(&[&generate[..], &["--stream"]].concat()), "june\n");
}
