//! Files that are made to hang the program, to fill the memory, or to forge its output.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::common::{ia3, run, succeed, workspace};

/// A folder with a copy of a small T5 with a tokenizer, of a base with an adapter, and of a row of data.
fn sandbox() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (from, to) in
        [("examples/base", "small"), ("fixtures/t5/base", "base"), ("fixtures/t5/adapter", "adapter")]
    {
        fs::create_dir(dir.path().join(to)).unwrap();
        for entry in fs::read_dir(workspace().join(from)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), dir.path().join(to).join(entry.file_name())).unwrap();
        }
    }
    fs::write(dir.path().join("rows.jsonl"), "{\"input\": \"may\", \"target\": \"may\"}\n").unwrap();
    dir
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Runs a command in the folder; a run that has not ended after a minute is killed.
fn run_in(dir: &Path, command: &str) -> Output {
    let mut child = ia3()
        .args(command.split(' '))
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("ia3 {command} did not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().unwrap()
}

#[cfg(unix)]
#[test]
fn a_pipe_or_a_device_in_place_of_a_file_of_a_model_is_refused() {
    let train = "train --base small --data rows.jsonl --out out --steps 1";
    let cases = [
        ("base/config.json", "inspect base"),
        ("base/config.json", "cost --config base"),
        ("base/model.safetensors", "inspect base"),
        ("base/model.safetensors.index.json", "inspect base"),
        ("adapter/adapter_config.json", "inspect adapter"),
        ("adapter/adapter_model.safetensors", "status adapter"),
        ("small/tokenizer.json", "generate --base small --prompt may"),
        ("small/tokenizer.json", train),
        ("base/tokenizer_config.json", "merge --base base --adapter adapter --out merged"),
        ("inputs.safetensors", "generate --base base --inputs inputs.safetensors"),
    ];
    for (file, command) in cases {
        for replace in [pipe as fn(&Path), zeros] {
            let dir = sandbox();
            let _ = fs::remove_file(dir.path().join(file));
            if file.ends_with("index.json") {
                fs::remove_file(dir.path().join("base/model.safetensors")).unwrap();
            }
            replace(&dir.path().join(file));
            let output = run_in(dir.path(), command);
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{file}, {command}: {stderr}");
            assert!(stderr.contains("is not a file") && stderr.contains(file), "{file}, {command}: {stderr}");
        }
    }
}

#[cfg(unix)]
fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[cfg(unix)]
fn zeros(path: &Path) {
    std::os::unix::fs::symlink("/dev/zero", path).unwrap();
}

#[cfg(unix)]
#[test]
fn a_device_is_no_data_and_a_pipe_that_nobody_writes_is_given_up() {
    let dir = sandbox();
    pipe(&dir.path().join("pipe"));
    fs::write(dir.path().join("tasks.json"), "[{\"name\": \"a\", \"data\": \"/dev/zero\"}]").unwrap();
    for (command, expected) in [
        ("train --base small --data /dev/zero --out out --steps 1", "it is neither a file nor a pipe"),
        ("train --base small --data pipe --out out --steps 1", "nothing wrote to it for 5 seconds"),
        ("train --base small --tasks tasks.json --out out --steps 1", "it is neither a file nor a pipe"),
        ("train --base small --tasks /dev/zero --out out --steps 1", "it is neither a file nor a pipe"),
        (
            "train --base small --data rows.jsonl --config /dev/zero --out out --steps 1",
            "it is neither a file nor a pipe",
        ),
        (
            "train --base small --data rows.jsonl --templates /dev/zero --out out --steps 1",
            "it is neither a file nor a pipe",
        ),
        ("generate --base small --prompts /dev/zero", "it is neither a file nor a pipe"),
    ] {
        let output = run_in(dir.path(), command);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && stderr.contains(expected), "{command}: {stderr}");
    }
}

#[cfg(unix)]
#[test]
fn prompts_and_rows_can_come_from_a_pipe() {
    let dir = sandbox();
    let script = format!(
        "printf 'may\\njune\\n' | '{0}' generate --base small --prompts /dev/stdin --max-new-tokens 2 && \
         '{0}' train --base small --data <(cat rows.jsonl) --out out --steps 1 --batch-size 1",
        ia3().get_program().to_str().unwrap()
    );
    let output = Command::new("bash").args(["-c", &script]).current_dir(dir.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

const FORGED: &str = "t5\\n\\u001b[2Jevil                          16        500       1000  t5\\u202e";

/// Puts text with a line break, an escape sequence and an override of direction into an adapter.
fn forged() -> (tempfile::TempDir, PathBuf) {
    let dir = sandbox();
    let config = dir.path().join("adapter/adapter_config.json");
    let mut fields: serde_json::Value = serde_json::from_str(&fs::read_to_string(&config).unwrap()).unwrap();
    fields["base_model_name_or_path"] = serde_json::from_str(&format!("\"{FORGED}\"")).unwrap();
    fs::write(&config, fields.to_string()).unwrap();
    let adapter = dir.path().join("adapter");
    (dir, adapter)
}

#[test]
fn text_from_files_forges_no_line_of_a_report() {
    let (dir, adapter) = forged();
    for command in [vec!["status"], vec!["inspect"]] {
        let output = succeed(&[command.as_slice(), &[text(&adapter)]].concat());
        assert!(output.contains(r"t5\n\u{1b}[2Jevil"), "{output}");
        assert!(!output.contains(['\u{1b}', '\u{202e}']), "{output}");
        assert!(!output.lines().any(|line| line.contains("evil") && !line.contains("t5\\n")), "{output}");
        let json = succeed(&[command.as_slice(), &[text(&adapter), "--format", "json"]].concat());
        assert!(json.contains(r"t5\n\u001b[2Jevil") && json.contains(r"\u202e"), "{json}");
        assert!(!json.contains(['\u{1b}', '\u{202e}']), "{json}");
    }
    let merged =
        run(&["mix", "--adapter", text(&adapter), "--weight", "1", "--out", text(&dir.path().join("mixed"))]);
    assert!(merged.status.success(), "{}", String::from_utf8_lossy(&merged.stderr));
    let card = fs::read_to_string(dir.path().join("mixed/README.md")).unwrap();
    assert!(
        !card.contains(['\u{1b}', '\u{202e}']) && !card.lines().any(|line| line.starts_with("evil")),
        "{card}"
    );
}

#[test]
fn errors_quote_little_and_escaped() {
    let dir = sandbox();
    let config = dir.path().join("adapter/adapter_config.json");
    let long = format!("{}\\n\\u001b[31m", "x".repeat(100_000));
    for (field, value) in [("peft_type", format!("\"{long}\"")), ("target_modules", format!("\"({long}\""))] {
        let text = fs::read_to_string(workspace().join("fixtures/t5/adapter/adapter_config.json")).unwrap();
        let mut fields: serde_json::Value = serde_json::from_str(&text).unwrap();
        fields[field] = serde_json::from_str(&value).unwrap();
        fs::write(&config, fields.to_string()).unwrap();
        let base = dir.path().join("base");
        let output = run(&["inspect", self::text(&dir.path().join("adapter")), "--base", self::text(&base)]);
        let stderr =
            String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success() && stderr.len() < 20_000 && !stderr.contains('\u{1b}'), "{stderr}");
    }
}
