//! The program `compare`: what it refuses, and a run beside PEFT if `IA3_PEFT_PYTHON` names a Python that has it.

use std::process::Command;

fn run(words: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_compare")).args(words).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_run_of_nothing_is_refused_before_anything_is_exported() {
    for (words, expected) in [
        (["--shapes", "gpt5"], "there is no shape gpt5; known are t5-small, t5-base, gpt2"),
        (["--rounds", "0"], "--rounds, --runs and --threads have to be at least 1"),
        (
            ["--only", "speed"],
            "[possible values: machine, products, forward, train, mixed, decode, prompt, adapters, ragged, start]",
        ),
        (["--python", "/no/such/python"], "\"/no/such/python\""),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (done, _, stderr) = run(&[&words[..], &["--dir", dir.path().to_str().unwrap()]].concat());
        assert!(!done && stderr.contains(expected), "{stderr}");
        assert_eq!(dir.path().read_dir().unwrap().count(), 0);
    }
    let (done, _, stderr) = run(&["--shapes", "minilm", "--only", "decode,start"]);
    assert!(!done && stderr.contains("no part of --only fits a shape of --shapes"), "{stderr}");
    for words in [["--shapes", "gpt2", "--only", "decode"], ["--shapes", "smollm2-135m", "--only", "forward"]]
    {
        let (done, _, stderr) = run(&[&["--llama-cpp"][..], &words].concat());
        let expected = "--llama-cpp needs a part decode or prompt and a shape of Llama";
        assert!(!done && stderr.contains(expected), "{stderr}");
    }
}

#[test]
fn every_part_of_a_small_shape_has_its_row() {
    let Some(python) = std::env::var_os("IA3_PEFT_PYTHON") else {
        return ia3_testing::skip("IA3_PEFT_PYTHON does not name a Python with torch, transformers and peft");
    };
    let dir = tempfile::tempdir().unwrap();
    let (python, dir) = (python.to_str().unwrap(), dir.path().to_str().unwrap());
    let few = ["--python", python, "--dir", dir, "--rounds", "1", "--runs", "1"];
    let (done, table, stderr) =
        run(&[&few[..], &["--shapes", "minilm", "--only", "products,mixed,adapters"]].concat());
    assert!(done, "{stderr}");
    for what in ["8 rows, 8 adapters", "load adapter", "switch", "merge"] {
        let row = table.lines().find(|line| line.starts_with(&format!("| minilm | {what} |")));
        assert!(row.is_some_and(|row| !row.contains("NaN")), "{what}: {table}");
    }
    let product = |line: &&str| line.starts_with("| minilm | 1024 × 384 × 1536 |");
    assert!(table.lines().filter(product).count() == 1, "{table}");
    assert!(table.contains("| the time under one adapter |"), "{table}");
    assert!(!table.contains("| minilm | forward |"), "{table}");
}
