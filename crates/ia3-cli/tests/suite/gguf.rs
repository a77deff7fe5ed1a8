//! GGUF files through the program: merging an adapter, inspecting, and what is refused.

use std::path::{Path, PathBuf};

use crate::common::{run, succeed, tensor, workspace};
use ia3_gguf::{Architecture, GgufFile};
use serde_json::Value;

fn fixture(name: &str) -> String {
    workspace().join("fixtures").join(name).display().to_string()
}

fn merge(case: &str, out: &Path) -> Value {
    let (base, adapter) = (fixture(&format!("gguf/{case}.gguf")), fixture(&format!("{case}/adapter")));
    let out = out.display().to_string();
    let report =
        succeed(&["merge", "--gguf", &base, "--adapter", &adapter, "--out", &out, "--format", "json"]);
    serde_json::from_str(&report).unwrap()
}

/// The rows of a tensor in Hugging Face's order.
fn hugging_face(file: &GgufFile, architecture: &Architecture, tensor: &str) -> Option<(String, Vec<f32>)> {
    let info = file.tensor(tensor).unwrap();
    let (name, order) = architecture.parameter(file, tensor)?;
    let values = file.decode(info).unwrap();
    let rows = if info.dims.len() == 1 { info.columns() } else { info.rows() };
    let width = values.len() / rows as usize;
    let mut sorted = vec![0.0; values.len()];
    for row in 0..rows {
        let to = order.source(row, rows) as usize * width;
        sorted[to..to + width].copy_from_slice(&values[row as usize * width..][..width]);
    }
    Some((name, sorted))
}

/// PEFT scales the columns of the last layer of a gated block, and the merge into a GGUF file the rows before it, so those
/// two are compared by their product; all other weights are compared with what PEFT merged.
#[test]
fn merged_weights_are_those_of_peft() {
    let dir = tempfile::tempdir().unwrap();
    for case in [
        "llama",
        "mistral",
        "qwen2",
        "qwen3",
        "olmo2",
        "smollm3",
        "gpt2",
        "falcon7b",
        "falcon40b",
        "t5",
        "t5v11",
    ] {
        let out = dir.path().join(format!("{case}.gguf"));
        merge(case, &out);
        let file = GgufFile::open(&out).unwrap();
        let architecture = Architecture::of(&file).unwrap();
        let merged = PathBuf::from(fixture(&format!("{case}/merged_weights.safetensors")));
        let bytes = std::fs::read(&merged).unwrap();
        let expected = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let mut compared = 0;
        for info in file.tensors() {
            let Some((name, found)) = hugging_face(&file, &architecture, &info.name) else { continue };
            let moved = info.name.contains("ffn_down") && !matches!(case, "gpt2" | "falcon7b" | "falcon40b");
            if moved || expected.tensor(&name).is_err() {
                continue;
            }
            let mut values = tensor(&merged, &name);
            if case == "gpt2" && name.ends_with("weight") {
                values = transposed(&values, info.columns() as usize);
            }
            for (i, (found, expected)) in found.iter().zip(&values).enumerate() {
                let error = (f64::from(*found) - expected).abs();
                assert!(error <= 1e-6 * expected.abs(), "{case} {name} {i}: {found} instead of {expected}");
            }
            assert_eq!(found.len(), values.len());
            compared += 1;
        }
        assert!(compared > 1, "{case}: {compared}");
    }
}

/// GPT-2's layers have their inputs first.
fn transposed(values: &[f64], columns: usize) -> Vec<f64> {
    let rows = values.len() / columns;
    (0..rows).flat_map(|row| (0..columns).map(move |column| values[column * rows + row])).collect()
}

#[test]
fn the_report_and_the_record_agree() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("merged.gguf");
    let report = merge("llama", &out);
    assert_eq!(report["tensors"]["blk.1.ffn_up.weight"], "F32");
    assert!(report["numbers"].as_u64().unwrap() > 0 && report["largest_rounding"].as_f64().unwrap() < 1e-7);
    let inspected = succeed(&["inspect", &out.display().to_string(), "--format", "json"]);
    let inspected: Value = serde_json::from_str(&inspected).unwrap();
    assert_eq!((&inspected["kind"], &inspected["architecture"]), (&"gguf".into(), &"llama".into()));
    assert_eq!(inspected["merged"]["base_sha256"], report["base_sha256"]);
    assert_eq!(inspected["types"]["F32"], 21);
    let text = succeed(&["inspect", &fixture("gguf/layers.gguf")]);
    assert!(text.starts_with("GGUF version 3, architecture llama, "), "{text}");
    assert!(
        text.contains("llama.attention.head_count_kv = 4") && text.contains("blk.10.attn_q.weight"),
        "{text}"
    );
    let (again, adapter) = (out.display().to_string(), fixture("llama/adapter"));
    let twice = run(&[
        "merge",
        "--gguf",
        &again,
        "--adapter",
        &adapter,
        "--out",
        &dir.path().join("x").display().to_string(),
    ]);
    assert_eq!(twice.status.code(), Some(1));
    let message = String::from_utf8(twice.stderr).unwrap();
    assert!(message.contains("already has adapters merged into it"), "{message}");
    assert!(!dir.path().join("x").exists());
}

#[test]
fn what_cannot_be_merged_leaves_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("merged.gguf").display().to_string();
    let refused = |base: &str, adapter: &str, out: &str| {
        let output = run(&["merge", "--gguf", base, "--adapter", adapter, "--out", out]);
        assert_eq!(output.status.code(), Some(1));
        assert!(!Path::new(out).exists() || out == base);
        String::from_utf8(output.stderr).unwrap()
    };
    let (llama, adapter) = (fixture("gguf/llama.gguf"), fixture("llama/adapter"));
    assert!(
        refused(&fixture("gguf/t5.gguf"), &adapter, &out)
            .contains("which is no layer of the architecture `t5`")
    );
    assert!(
        refused(&fixture("gguf/blocks.gguf"), &adapter, &out)
            .contains("the architecture `test`, whose names")
    );
    assert!(refused(&fixture("llama/base/config.json"), &adapter, &out).contains("is JSON text"));
    assert!(refused(&llama, &fixture("llama/base"), &out).contains("adapter_config.json"));
    let copy = dir.path().join("copy.gguf");
    std::fs::copy(&llama, &copy).unwrap();
    let copy = copy.display().to_string();
    assert!(refused(&copy, &adapter, &copy).contains("is the file to merge into, which would be destroyed"));
    assert_eq!(std::fs::read(&copy).unwrap(), std::fs::read(&llama).unwrap());
}
