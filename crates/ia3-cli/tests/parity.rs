//! The corpus of `fixtures/` through the program: `ia3 forward`, `ia3 generate` and `ia3 merge`. Every case is a test.

mod common;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use common::{names, shape, succeed, tensor};
use ia3_testing::{case_dirs, corpus};
use libtest_mimic::{Arguments, Trial};
use safetensors::SafeTensors;

/// The mask of the logits that are compared: those of tokens that are not padding, and all of a classifier or of images.
fn mask(io: &Path) -> Vec<f64> {
    match names(io) {
        names if names.contains("decoder_attention_mask") => tensor(io, "decoder_attention_mask"),
        names if !names.contains("attention_mask") => vec![1.0],
        _ if shape(io, "base_logits").len() == 2 => vec![1.0],
        _ => tensor(io, "attention_mask"),
    }
}

fn text(path: impl AsRef<Path>) -> String {
    path.as_ref().display().to_string()
}

/// The prompts of the case. Those of a decoder-only model are padded on the left; sound has none for the decoder.
fn prompts(io: &Path, dir: &Path) -> PathBuf {
    let (prefix, of_prompt): (_, &[&str]) = match names(io) {
        names if names.contains("left.input_ids") => ("left.", &["input_ids", "attention_mask"]),
        names if names.contains("input_features") => ("", &["input_features"]),
        _ => return io.to_path_buf(),
    };
    let file = dir.join("prompts.safetensors");
    let bytes = std::fs::read(io).unwrap();
    let all = SafeTensors::deserialize(&bytes).unwrap();
    let prompts = of_prompt.iter().map(|name| (name, all.tensor(&format!("{prefix}{name}")).unwrap()));
    safetensors::serialize_to_file(prompts, None, &file).unwrap();
    file
}

/// The result of `ia3 forward` and its shape, under the names that it has for the head of the model.
fn result(file: &Path) -> (Vec<f64>, Vec<usize>) {
    let names = names(file);
    if names.contains("start_logits") {
        let (start, end) = (tensor(file, "start_logits"), tensor(file, "end_logits"));
        let both = start.into_iter().zip(end).flat_map(|(start, end)| [start, end]).collect();
        return (both, [shape(file, "start_logits"), vec![2]].concat());
    }
    let name = if names.contains("logits") { "logits" } else { "last_hidden_state" };
    (tensor(file, name), shape(file, name))
}

/// The largest difference where the mask is 1. The mask is broadcast over the innermost axis.
fn difference(got: &[f64], expected: &[f64], mask: &[f64]) -> f64 {
    assert_eq!(got.len(), expected.len());
    let inner = got.len() / mask.len();
    let counted = (0..got.len()).filter(|i| mask[i / inner] == 1.0);
    counted.map(|i| (got[i] - expected[i]).abs()).fold(0.0, f64::max)
}

/// `ia3 forward` gives the logits of the case.
fn forward(case: &Path) {
    let out = tempfile::tempdir().unwrap();
    let (io, logits) = (case.join("io.safetensors"), out.path().join("logits.safetensors"));
    let mask = mask(&io);
    let (a, b) = (text(case.join("adapter")), text(case.join("adapter_b")));
    let alt = text(case.join("adapter_alt"));
    let table: [(&str, Vec<&str>); 6] = [
        ("base_logits", vec![]),
        ("adapter_logits", vec!["--adapter", &a]),
        ("adapter_b_logits", vec!["--adapter", &b]),
        ("adapter_alt_logits", vec!["--adapter", &alt]),
        ("both_logits", vec!["--adapter", &a, "--adapter", &b]),
        ("merged_logits", vec!["--adapter", &a, "--merge"]),
    ];
    for (name, adapters) in table.into_iter().filter(|(name, _)| names(&io).contains(*name)) {
        let (base, inputs, out) = (text(case.join("base")), text(&io), text(&logits));
        let mut args = vec!["forward", "--base", &base, "--inputs", &inputs, "--out", &out];
        args.extend(adapters);
        succeed(&args);
        let (got, got_shape) = result(&logits);
        let worst = difference(&got, &tensor(&io, name), &mask);
        println!("{} {name}: {worst:.1e}", case.display());
        assert!(worst <= 1e-4, "{} {name}: {worst}", case.display());
        let batch = shape(&io, name);
        assert_eq!(got_shape, batch, "{} {name}", case.display());
    }
}

/// `ia3 generate` gives the ids of the case, unless it is a classifier.
fn generate(case: &Path) {
    let dir = tempfile::tempdir().unwrap();
    let (io, ids) = (case.join("io.safetensors"), dir.path().join("ids.safetensors"));
    if !names(&io).contains("generate.base.ids") {
        return; // a classifier
    }
    let inputs = prompts(&io, dir.path());
    let adapter = text(case.join("adapter"));
    let table: [(&str, Vec<&str>); 3] = [
        ("base", vec![]),
        ("adapter", vec!["--adapter", &adapter]),
        ("merged", vec!["--adapter", &adapter, "--merge"]),
    ];
    for (name, adapters) in table {
        let (base, inputs, out) = (text(case.join("base")), text(&inputs), text(&ids));
        let mut args = vec!["generate", "--base", &base, "--inputs", &inputs, "--out", &out];
        args.extend(["--max-new-tokens", "10", "--min-new-tokens", "10"]);
        args.extend(adapters);
        succeed(&args);
        assert_eq!(tensor(&ids, "ids"), tensor(&io, &format!("generate.{name}.ids")), "{}", case.display());
    }
}

/// `ia3 merge` writes a folder which is a base with the merged logits.
fn merge(case: &Path) {
    let dir = tempfile::tempdir().unwrap();
    let (io, logits) = (case.join("io.safetensors"), dir.path().join("logits.safetensors"));
    let (base, adapter, merged) =
        (text(case.join("base")), text(case.join("adapter")), dir.path().join("merged"));
    let (inputs, out, merged_dir) = (text(&io), text(&logits), text(&merged));
    succeed(&["merge", "--base", &base, "--adapter", &adapter, "--out", &merged_dir, "--safe"]);
    succeed(&["forward", "--base", &merged_dir, "--inputs", &inputs, "--out", &out]);
    let mask = mask(&io);
    let worst = difference(&result(&logits).0, &tensor(&io, "merged_logits"), &mask);
    assert!(worst <= 1e-4, "{}: {worst}", case.display());
    assert_eq!(
        std::fs::read(merged.join("config.json")).unwrap(),
        std::fs::read(case.join("base/config.json")).unwrap()
    );
}

/// A test of one case, given by its folder.
type Check = fn(&Path);

fn main() -> ExitCode {
    let tests: [(&str, Check); 3] = [("forward", forward), ("generate", generate), ("merge", merge)];
    let trial = |case: &PathBuf| {
        let name = case.file_name().unwrap_or_default().to_string_lossy().to_string();
        tests.map(|(test, check)| {
            let case = case.clone();
            Trial::test(format!("{name} {test}"), move || {
                check(&case);
                Ok(())
            })
        })
    };
    let trials = case_dirs(&corpus()).iter().flat_map(trial).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
