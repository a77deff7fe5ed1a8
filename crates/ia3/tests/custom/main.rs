//! Single layers against PEFT: the 22 (IA)³ cases of the table in its `tests/test_custom_models.py`, and cases with
//! groups, padding and layers without a bias, in activation space and in weight space. See `fixtures/README.md`.
//!
//! `IA3_CUSTOM_FIXTURES=DIR cargo test --workspace --test custom` runs the same table on another corpus.

mod case;
mod compare;
mod nets;

use std::path::PathBuf;

use burn::tensor::Device;
use case::Case;
use nets::{ConvNet2d, ConvNet3d, EmbConv1D, Mlp};
use serde_json::Value;

/// A relative folder is one of the workspace, where cargo is called, not of the package it runs the test in.
fn corpus() -> PathBuf {
    let dir = std::env::var_os("IA3_CUSTOM_FIXTURES").unwrap_or_else(|| "fixtures/custom".into());
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(dir)
}

#[test]
fn single_layers_are_pefts() {
    let root = corpus();
    let text = std::fs::read_to_string(root.join("cases.json"));
    let settings: Value =
        serde_json::from_str(&text.unwrap_or_else(|e| panic!("{}: {e}", root.display()))).unwrap();
    let cases = settings["cases"].as_array().unwrap();
    assert!(cases.len() >= 22, "the table of PEFT has 22 cases, the corpus {}", cases.len());
    let device = Device::flex();
    let mut failed = vec![];
    for meta in cases {
        let case = Case { root: &root, meta, settings: &settings, device: &device };
        let (failures, line) = match case.model() {
            "MLP" => case.run(Mlp::new(true, &device)),
            "MLPWithoutBias" => case.run(Mlp::new(false, &device)),
            "EmbConv1D" => case.run(EmbConv1D::new(&device)),
            "Conv2d" => case.run(ConvNet2d::new(&device)),
            "Grouped2d" => case.run(ConvNet2d::grouped(&device)),
            "Conv3d" => case.run(ConvNet3d::new(&device)),
            "Grouped3d" => case.run(ConvNet3d::grouped(&device)),
            other => panic!("no model `{other}`"),
        };
        println!("{:18} {} {line}", case.name(), if failures.is_empty() { "ok" } else { "FAILED" });
        failed.extend(failures.into_iter().map(|failure| format!("{}: {failure}", case.name())));
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}
