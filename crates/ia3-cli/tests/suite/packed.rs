//! Folders of GPTQ, AWQ and bitsandbytes through the program: merged in their format, or to floats.

use std::path::{Path, PathBuf};

use crate::common::{run, succeed, workspace};
use serde_json::{Value, json};

const FOLDERS: [&str; 10] =
    ["gptq", "gptq_v2", "gptqmodel", "awq", "int8", "nf4", "fp4", "torchao", "opt_gptq", "opt_int8"];

fn fixture(name: &str) -> PathBuf {
    workspace().join("fixtures/packed").join(name)
}

fn adapter_of(name: &str) -> String {
    let kind = if name.starts_with("opt") { "opt" } else { "llama" };
    fixture(&format!("{kind}_adapter")).display().to_string()
}

/// A copy of a folder with a tokenizer of sixteen words, and another file.
fn base(name: &str, dir: &Path) -> String {
    let to = dir.join(name);
    std::fs::create_dir(&to).unwrap();
    for file in ["config.json", "model.safetensors"] {
        std::fs::copy(fixture(name).join(file), to.join(file)).unwrap();
    }
    let vocab: serde_json::Map<String, Value> =
        (0..16).map(|id| (char::from(b'a' + id).to_string(), id.into())).collect();
    let tokenizer = json!({
        "version": "1.0",
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "a"},
    });
    std::fs::write(to.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    std::fs::write(to.join("quantize_config.json"), "{\"bits\": 4}").unwrap();
    // Another copy of the weights, into which nothing would be merged.
    std::fs::write(to.join("pytorch_model.bin"), "weights").unwrap();
    to.display().to_string()
}

/// The names of the files in a folder.
fn listing(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The logits of a base, as the program writes them.
fn logits(base: &Path, more: &[&str], dir: &Path) -> Vec<f32> {
    let inputs = fixture("awq.io.safetensors").display().to_string();
    let (base, out) = (base.display().to_string(), dir.join("logits.safetensors").display().to_string());
    succeed(&[&["forward", "--base", &base, "--inputs", &inputs, "--out", &out][..], more].concat());
    let written = ia3::io::read_tensors(&out, &["logits"]).unwrap();
    written["logits"].iter().collect()
}

#[test]
fn kept_integers_run_merge_and_are_saved() {
    let dir = tempfile::tempdir().unwrap();
    let (base, adapter) = (base("awq", dir.path()), adapter_of("awq"));
    let floats = logits(Path::new(&base), &["--adapter", &adapter], dir.path());
    let kept = logits(Path::new(&base), &["--adapter", &adapter, "--keep-quantized"], dir.path());
    let out = dir.path().join("merged");
    let out_text = out.display().to_string();
    succeed(&["merge", "--base", &base, "--keep-quantized", "--adapter", &adapter, "--out", &out_text]);
    let config = std::fs::read_to_string(out.join("config.json")).unwrap();
    assert!(config.contains("\"quant_method\": \"ia3\"") && config.contains("\"version\": 2"), "{config}");
    let merged = logits(&out, &[], dir.path());
    let largest = floats.iter().fold(0f32, |most, x| most.max(x.abs()));
    for (what, found) in [("kept", kept), ("merged", merged)] {
        let off = found.iter().zip(&floats).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 2e-5 * largest, "{what}: {off} of {largest}");
    }
    let both =
        ["forward", "--base", &base, "--keep-quantized", "--quantize", "int8", "--inputs", "i", "--out", "o"];
    assert_eq!(run(&both).status.code(), Some(2));
    let floats = workspace().join("fixtures/llama/base").display().to_string();
    let (inputs, out) = (fixture("awq.io.safetensors").display().to_string(), dir.path().join("o"));
    let out = out.display().to_string();
    let refused =
        run(&["forward", "--base", &floats, "--keep-quantized", "--inputs", &inputs, "--out", &out]);
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(1) && message.contains("whose integers can be kept"), "{message}");
}

#[test]
fn a_merge_keeps_the_folder_and_a_check_compares_the_logits() {
    let dir = tempfile::tempdir().unwrap();
    for name in FOLDERS {
        let (base, out) = (base(name, dir.path()), dir.path().join(format!("{name}-merged")));
        let (adapter, out_text) = (adapter_of(name), out.display().to_string());
        let args =
            ["merge", "--base", &base, "--adapter", &adapter, "--out", &out_text, "--check", "b n e p i"];
        let report: Value =
            serde_json::from_str(&succeed(&[&args[..], &["--format", "json"]].concat())).unwrap();
        let logits = &report["logits"];
        let of = |key: &str| logits[key].as_f64().unwrap();
        println!("{name}: {logits}");
        let bound = if name == "nf4" { 0.1 } else { 1e-3 } * of("largest_logit");
        assert!(logits["tokens"] == 5 && of("difference") < bound && of("change") > 0.1, "{name}: {logits}");
        let written =
            ["config.json", "model.safetensors", "quantize_config.json", "tokenizer.json"].map(String::from);
        assert_eq!(listing(&out), written, "{name}");
        for file in written.iter().filter(|file| *file != "model.safetensors") {
            let read = |dir: &Path| std::fs::read(dir.join(file)).unwrap();
            assert_eq!(read(Path::new(&base)), read(&out), "{name}: {file}");
        }
        assert_eq!(report["requantized"].as_object().unwrap().len(), if name == "nf4" { 3 } else { 0 });

        // Merging twice is noticed, and nothing is written.
        let again = dir.path().join("again").display().to_string();
        let twice = run(&["merge", "--base", &out_text, "--adapter", &adapter, "--out", &again]);
        let message = String::from_utf8(twice.stderr).unwrap();
        assert!(message.contains("already has adapters merged into it"), "{message}");
        assert!(twice.status.code() == Some(1) && !Path::new(&again).exists());
    }
}

#[test]
fn a_folder_can_be_merged_to_floats() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["gptq", "int8", "nf4"] {
        let (base, out) = (base(name, dir.path()), dir.path().join(format!("{name}-floats")));
        let (adapter, out_text) = (adapter_of(name), out.display().to_string());
        succeed(&["merge", "--base", &base, "--adapter", &adapter, "--out", &out_text, "--dequantize"]);
        let config: Value = serde_json::from_slice(&std::fs::read(out.join("config.json")).unwrap()).unwrap();
        assert_eq!(config.get("quantization_config"), None, "{name}");
        let report: Value =
            serde_json::from_str(&succeed(&["inspect", &out_text, "--format", "json"])).unwrap();
        assert_eq!(report["weights"]["quantized_by"], Value::Null);
        let prompt = ["--prompt", "b n e p i", "--max-new-tokens", "6", "--format", "json"];
        let generate = |args: &[&str]| succeed(&[&["generate"], args, &prompt].concat());
        assert_eq!(
            generate(&["--base", &out_text]),
            generate(&["--base", &base, "--adapter", &adapter]),
            "{name}"
        );
    }
}

#[test]
fn options_that_do_not_fit_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let base = base("gptq", dir.path());
    let out = dir.path().join("out").display().to_string();
    let refused = |args: &[&str]| {
        let output = run(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(!Path::new(&out).exists());
        String::from_utf8(output.stderr).unwrap()
    };
    let t5 = workspace().join("fixtures/t5");
    let [float, own] = ["base", "adapter"].map(|name| t5.join(name).display().to_string());
    let message = refused(&["merge", "--base", &float, "--adapter", &own, "--out", &out, "--check", "a"]);
    assert!(message.contains("--check is for merges into GGUF files and"), "{message}");
    let message = refused(&["merge", "--base", &base, "--adapter", &own, "--out", &out]);
    assert!(message.contains("adapter"), "{message}");
}

#[test]
fn inspect_names_the_program_that_quantised() {
    for (name, program) in [("gptq", "GPTQ"), ("awq", "AWQ"), ("nf4", "bitsandbytes"), ("torchao", "torchao")]
    {
        let text = succeed(&["inspect", &fixture(name).display().to_string()]);
        assert!(text.contains(&format!(", quantised by {program}")), "{text}");
    }
}
