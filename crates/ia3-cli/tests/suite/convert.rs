//! `ia3 convert`: what it writes, what it reports, and what it refuses.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{run, succeed, tensor, workspace};
use serde_json::{Value, json};

fn fixture(path: &str) -> String {
    workspace().join("fixtures").join(path).display().to_string()
}

struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Runs `ia3 convert FROM --to TO --out DIR/NAME` with more words. Returns the report, with `DIR` in place of the folder.
    fn convert(&self, from: &str, to: &str, out: &str, more: &[&str]) -> String {
        let out = self.text(out);
        let words = [&["convert", from, "--to", to, "--out", &out], more].concat();
        succeed(&words).replace(&self.dir.path().display().to_string(), "DIR")
    }
}

fn weights(dir: impl AsRef<Path>) -> Vec<u8> {
    fs::read(dir.as_ref().join("adapter_model.safetensors")).unwrap()
}

#[test]
fn the_report_names_the_vectors_that_moved() {
    let bench = Bench::new();
    let report = bench.convert(
        &fixture("formats/t5v11/tfew.pt"),
        "peft",
        "out",
        &["--site", "wo", "--base-name", "base"],
    );
    let sizes = fs::read_dir(bench.path("out")).unwrap().map(|file| file.unwrap().metadata().unwrap().len());
    let expected = format!(
        "T-Few file -> PEFT folder\n\
         21 vectors, 500 parameters: 16 on outputs, 5 on inputs\n\
         5 vectors moved within their gated blocks, for example decoder.block.0.layer.2.DenseReluDense.wi_1 -> \
         decoder.block.0.layer.2.DenseReluDense.wo\n\
         targets:     [\"k\",\"v\",\"wo\"]\n\
         feedforward: [\"wo\"]\n\
         {} bytes -> DIR/out\n",
        sizes.sum::<u64>()
    );
    assert_eq!(report, expected);
    assert!(weights(bench.path("out")) == weights(fixture("t5v11/adapter")));
    let config: Value =
        serde_json::from_str(&fs::read_to_string(bench.path("out/adapter_config.json")).unwrap()).unwrap();
    assert_eq!(config["base_model_name_or_path"], "base");
}

#[test]
fn the_report_as_json_has_every_field() {
    let bench = Bench::new();
    let base = fixture("t5v11/base/config.json");
    let words = ["--base", &base, "--format", "json"];
    let report = bench.convert(&fixture("t5v11/adapter"), "tfew", "out.pt", &words);
    let mut report: Value = serde_json::from_str(&report).unwrap();
    let moved = report["moved"].take();
    assert_eq!(moved.as_array().unwrap().len(), 5);
    let block = "decoder.block.0.layer.2.DenseReluDense";
    assert_eq!(moved[0], json!({"from": format!("{block}.wo"), "to": format!("{block}.wi_1")}));
    let expected = json!({
        "from": "PEFT folder", "to": "T-Few file", "vectors": 21, "parameters": 500, "on_outputs": 21, "on_inputs": 0,
        "saved_whole": 0, "moved": null, "multiplied": 0, "target_modules": ["k", "v", "wi_1"],
        "feedforward_modules": [], "bytes": fs::metadata(bench.path("out.pt")).unwrap().len(), "out": "DIR/out.pt",
    });
    assert_eq!(report, expected);
}

/// Vectors at `wo` and the same vectors at `wi_1` give the same logits, which are PEFT's.
#[test]
fn the_logits_equal_those_of_peft_at_either_place() {
    let bench = Bench::new();
    let (base, io) = (fixture("t5v11/base"), fixture("t5v11/io.safetensors"));
    let expected = tensor(io.as_ref(), "adapter_logits");
    let mask = tensor(io.as_ref(), "decoder_attention_mask");
    for format in ["tfew", "adapterhub", "peft"] {
        let (there, back, logits) = (
            format!("{format} there"),
            format!("{format} back"),
            bench.text(&format!("{format}.safetensors")),
        );
        bench.convert(&fixture("t5v11/adapter"), format, &there, &["--base", &base, "--site", "wi_1"]);
        let report = bench.convert(&bench.text(&there), "peft", &back, &[]);
        assert!(report.contains("21 on outputs, 0 on inputs"), "{report}");
        let adapter = bench.text(&back);
        succeed(&["forward", "--base", &base, "--adapter", &adapter, "--inputs", &io, "--out", &logits]);
        let got = tensor(logits.as_ref(), "logits");
        let inner = got.len() / mask.len();
        let counted = (0..got.len()).filter(|i| mask[i / inner] == 1.0);
        let worst = counted.map(|i| (got[i] - expected[i]).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-4, "{format}: {worst}");
    }
}

#[test]
fn tensors_that_are_left_out_are_named() {
    let bench = Bench::new();
    let (from, out) = (fixture("formats/t5v11/tfew_deepspeed.pt"), bench.text("out"));
    let output = run(&["convert", &from, "--to", "peft", "--out", &out]);
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "note: these tensors are not vectors and were left out: module.model.shared.weight\n"
    );
}

/// Refused conversions have exit code 1 and an exact message, and write nothing.
#[test]
fn refusals() {
    let t5 = fixture("t5/adapter");
    let (wo, wi_1) =
        ("decoder.block.0.layer.2.DenseReluDense.wo", "decoder.block.0.layer.2.DenseReluDense.wi_1");
    let base = fixture("t5/base");
    let cases: [(&[&str], String); 4] = [
        (
            &[&t5, "--to", "tfew"],
            format!(
                "cannot tell whether `{wo}` is in a gated feed-forward block, where its vector can move to `{wi_1}`: nothing \
                 in the adapter says so; give the base (its config.json is enough)"
            ),
        ),
        (
            &[&t5, "--to", "adapterhub", "--base", &base],
            format!(
                "the vector on the input of `{wo}` cannot move to `{wi_1}`: the block is not gated, the activation is \
                 between the two, so no vector on its other side computes the same; keep the adapter in PEFT's format"
            ),
        ),
        (&["DIR/none.pt", "--to", "peft"], "no such file or folder: `DIR/none.pt`; check the path".to_string()),
        (
            &[&t5, "--to", "peft", "--base", "DIR"],
            "cannot read DIR/config.json: No such file or directory (os error 2); a base is a folder with `config.json` \
             and `model.safetensors`\n  hint: --base takes the folder of the base"
                .to_string(),
        ),
    ];
    for (words, expected) in cases {
        let bench = Bench::new();
        let dir = bench.dir.path().display().to_string();
        let words: Vec<String> = words.iter().map(|word| word.replace("DIR", &dir)).collect();
        let out = bench.text("out");
        let mut all = vec!["convert"];
        all.extend(words.iter().map(String::as_str));
        all.extend(["--out", &out]);
        let output = run(&all);
        let stderr = String::from_utf8_lossy(&output.stderr).replace(&dir, "DIR");
        assert_eq!(stderr.trim_end(), format!("error: {expected}"));
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(fs::read_dir(bench.dir.path()).unwrap().count(), 0);
    }
}

#[test]
fn files_that_are_not_adapters_are_not_overwritten() {
    let bench = Bench::new();
    fs::create_dir(bench.path("base")).unwrap();
    fs::write(bench.path("base/config.json"), "{}").unwrap();
    fs::write(bench.path("notes.txt"), "mine").unwrap();
    for (to, out, form) in [("peft", "base", "a PEFT folder"), ("tfew", "notes.txt", "a T-Few file")] {
        let (from, path) = (fixture("formats/t5v11/tfew.pt"), bench.text(out));
        let output = run(&["convert", &from, "--to", to, "--out", &path]);
        assert_eq!(
            String::from_utf8_lossy(&output.stderr),
            format!(
                "error: `{path}` exists and is not an (IA)³ adapter in the form of {form}; write to another path\n"
            )
        );
    }
    assert_eq!(fs::read_to_string(bench.path("notes.txt")).unwrap(), "mine");
    assert_eq!(fs::read_dir(bench.path("base")).unwrap().count(), 1);
}
