//! Adapters and bases with values that are NaN or infinite: a note where a result is shown, an error where a file would be
//! written.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{run, workspace};
use safetensors::SafeTensors;
use tempfile::TempDir;

/// Copies a folder, and puts `value` into the first number of the tensor `name` of its safetensors file.
fn broken(from: &str, name: &str, value: f32, dir: &TempDir) -> String {
    let to = dir.path().join(Path::new(from).file_name().unwrap());
    fs::create_dir_all(&to).unwrap();
    for entry in fs::read_dir(workspace().join(from)).unwrap().flatten().filter(|e| e.path().is_file()) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    let file = ["adapter_model.safetensors", "model.safetensors"].map(|name| to.join(name));
    put(file.iter().find(|file| file.exists()).unwrap(), name, value);
    to.display().to_string()
}

fn put(file: &Path, name: &str, value: f32) {
    let mut bytes = fs::read(file).unwrap();
    let at = {
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let data = tensors.tensor(name).unwrap().data().as_ptr();
        data as usize - bytes.as_ptr() as usize
    };
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    fs::write(file, bytes).unwrap();
}

const VECTOR: &str = "base_model.model.encoder.block.0.layer.0.SelfAttention.k.ia3_l";
const WEIGHT: &str = "encoder.block.0.layer.0.SelfAttention.k.weight";

/// The exit status and the lines on standard error, with the temporary folder as `DIR`.
fn outcome(args: &[&str], dir: &TempDir) -> (i32, Vec<String>) {
    let output = run(args);
    let text = String::from_utf8(output.stderr).unwrap().replace(&dir.path().display().to_string(), "DIR");
    (output.status.code().unwrap(), text.lines().map(str::to_string).collect())
}

fn fixture(path: &str) -> String {
    workspace().join("fixtures").join(path).display().to_string()
}

fn out(dir: &TempDir) -> (PathBuf, String) {
    let out = dir.path().join("out");
    (out.clone(), out.display().to_string())
}

#[test]
fn a_broken_adapter_is_noted_and_no_logits_are_written() {
    let dir = TempDir::new().unwrap();
    let adapter = broken("fixtures/t5/adapter", VECTOR, f32::NAN, &dir);
    let (path, out) = out(&dir);
    let (base, inputs) = (fixture("t5/base"), fixture("t5/io.safetensors"));
    let args = ["forward", "--base", &base, "--adapter", &adapter, "--inputs", &inputs, "--out", &out];
    let (status, lines) = outcome(&args, &dir);
    assert_eq!(status, 1);
    let note = "note: `DIR/adapter`: the adapter is broken: 1 of 24 values of `encoder.block.0.layer.0.SelfAttention.k` are NaN or infinite";
    assert_eq!(lines[0], note);
    let error =
        "of `logits` are NaN or infinite, so `DIR/out` was not written; check the base and the adapter";
    assert!(lines[1].starts_with("error: ") && lines[1].ends_with(error), "{lines:?}");
    assert!(!path.exists());
}

#[test]
fn tokens_from_broken_logits_are_noted_and_not_written() {
    let dir = TempDir::new().unwrap();
    let adapter = broken("fixtures/t5/adapter", VECTOR, f32::INFINITY, &dir);
    let (path, out) = out(&dir);
    let (base, inputs) = (fixture("t5/base"), fixture("t5/io.safetensors"));
    let mut args = vec!["generate", "--base", &base, "--adapter", &adapter, "--inputs", &inputs];
    args.extend(["--max-new-tokens", "2"]);
    let (status, lines) = outcome(&args, &dir);
    assert_eq!((status, lines.len()), (0, 2), "{lines:?}");
    assert!(
        lines[1].ends_with("values of `logits` are NaN or infinite, so the tokens mean nothing"),
        "{lines:?}"
    );
    args.extend(["--out", &out]);
    let (status, lines) = outcome(&args, &dir);
    let error = "values of `logits` are NaN or infinite, so `DIR/out` was not written; check the base and the adapter";
    assert!(status == 1 && lines[1].ends_with(error), "{lines:?}");
    assert!(!path.exists());
}

#[test]
fn a_broken_adapter_is_not_merged_converted_or_mixed() {
    let dir = TempDir::new().unwrap();
    let adapter = broken("fixtures/t5/adapter", VECTOR, f32::NAN, &dir);
    let (path, out) = out(&dir);
    let (base, whole) = (fixture("t5/base"), fixture("t5/adapter_b"));
    let found = "1 of 24 values of `encoder.block.0.layer.0.SelfAttention.k` are NaN or infinite";
    let cases = [
        (
            vec!["merge", "--base", &base, "--adapter", &whole, "--adapter", &adapter, "--out", &out],
            format!("error: the adapter `DIR/adapter` is broken, so nothing was written: {found}"),
        ),
        (
            vec!["convert", &adapter, "--to", "peft", "--out", &out],
            format!("error: the adapter was not written: {found}"),
        ),
        (
            vec!["mix", "--adapter", &whole, "--weight", "1", "--adapter", &adapter, "--weight", "1", "--out", &out],
            "error: the vector of `encoder.block.0.layer.0.SelfAttention.k` is not finite (1 values) in an adapter or in the mix; check whether an adapter is broken or a weight is too large"
                .to_string(),
        ),
    ];
    for (args, error) in cases {
        assert_eq!(outcome(&args, &dir), (1, vec![error]), "{args:?}");
        assert!(!path.exists(), "{args:?}");
    }
}

#[test]
fn a_broken_base_is_named_and_not_written_again() {
    let dir = TempDir::new().unwrap();
    let base = broken("examples/base", WEIGHT, f32::NAN, &dir);
    let data = workspace().join("examples/data/test.jsonl").display().to_string();
    let (path, out) = out(&dir);
    let (status, lines) = outcome(&["quantize", "--base", &base, "--scheme", "int8", "--out", &out], &dir);
    let found = format!("values of `{WEIGHT}` are NaN or infinite");
    assert_eq!(status, 1);
    let last = lines.last().unwrap();
    assert!(
        last.starts_with("error: the base `DIR/base` is broken, so nothing was written: 1 of "),
        "{lines:?}"
    );
    assert!(last.ends_with(&found), "{lines:?}");
    assert!(!path.exists());
    let (status, lines) = outcome(&["eval", "--base", &base, "--data", &data], &dir);
    assert_eq!(status, 0, "{lines:?}");
    assert!(
        lines[0].starts_with("note: the base is broken: 1 of ") && lines[0].ends_with(&found),
        "{lines:?}"
    );
    let note = "is NaN: the logits are not finite, and the scores mean nothing";
    let noted = |line: &String| line.starts_with("note: the loss of the base over ") && line.ends_with(note);
    assert!(lines.iter().any(noted), "{lines:?}");
}

#[test]
fn a_merge_that_overflows_is_not_written() {
    let dir = TempDir::new().unwrap();
    let adapter = broken("fixtures/t5/adapter", VECTOR, f32::MAX, &dir);
    let base = broken("fixtures/t5/base", WEIGHT, f32::MAX, &dir);
    let (path, out) = out(&dir);
    let (status, lines) = outcome(&["merge", "--base", &base, "--adapter", &adapter, "--out", &out], &dir);
    let error = format!(
        "error: `DIR/out/model.safetensors` was not written: 1 of 576 values of `{WEIGHT}` are NaN or infinite"
    );
    assert_eq!((status, lines), (1, vec![error]));
    assert!(!path.join("model.safetensors").exists());
}

#[test]
fn another_base_and_another_task_are_noted() {
    let dir = TempDir::new().unwrap();
    let adapter = broken("fixtures/t5/adapter", VECTOR, 1.0, &dir);
    let file = Path::new(&adapter).join("adapter_config.json");
    let config = fs::read_to_string(&file).unwrap();
    let config = config
        .replace(r#""base_model_name_or_path": "base""#, r#""base_model_name_or_path": "google/mt5-small""#);
    fs::write(&file, config.replace("SEQ_2_SEQ_LM", "CAUSAL_LM")).unwrap();
    let (_, out) = out(&dir);
    let (base, inputs) = (fixture("t5/base"), fixture("t5/io.safetensors"));
    let args = ["forward", "--base", &base, "--adapter", &adapter, "--inputs", &inputs, "--out", &out];
    let (status, lines) = outcome(&args, &dir);
    let expected = [
        format!("note: `DIR/adapter`: the adapter was made for the base `google/mt5-small`, and this base is `{base}`"),
        "note: `DIR/adapter`: the adapter was made for the task CAUSAL_LM, and the task of this base is SEQ_2_SEQ_LM"
            .to_string(),
    ];
    assert_eq!((status, lines), (0, expected.to_vec()));
    // The same base by its path: no note.
    let same = fixture("t5/adapter");
    let args = ["forward", "--base", &base, "--adapter", &same, "--inputs", &inputs, "--out", &out];
    assert_eq!(outcome(&args, &dir), (0, vec![]));
}

#[test]
fn a_mix_across_architectures_names_both() {
    let dir = TempDir::new().unwrap();
    let (t5, gpt2) = (fixture("t5/adapter"), fixture("gpt2/adapter"));
    let (path, out) = out(&dir);
    let args =
        ["mix", "--adapter", &t5, "--weight", "0.5", "--adapter", &gpt2, "--weight", "0.5", "--out", &out];
    let expected = [
        "note: the adapters are for different tasks: CAUSAL_LM, SEQ_2_SEQ_LM".to_string(),
        format!(
            "error: `{t5}` is an adapter for the architecture T5 and `{gpt2}` one for GPT-2; only adapters of one architecture can be mixed"
        ),
    ];
    assert_eq!(outcome(&args, &dir), (1, expected.to_vec()));
    assert!(!path.exists());
}
