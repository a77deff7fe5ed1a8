//! Single layers against PEFT: the 22 (IA)³ cases of the table in its `tests/test_custom_models.py`, and cases with
//! groups, padding and layers without a bias, in activation space and in weight space. See `fixtures/README.md`.
//!
//! `IA3_CUSTOM_FIXTURES=DIR cargo test --workspace --test custom` runs the same table on another corpus.

mod case;
mod compare;
mod nets;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Device;
use case::Case;
use libtest_mimic::{Arguments, Failed, Trial};
use nets::{ConvNet2d, ConvNet3d, EmbConv1D, Mlp};
use serde_json::Value;

/// A relative folder is one of the workspace, where cargo is called, not of the package it runs the test in.
fn corpus() -> PathBuf {
    let dir = std::env::var_os("IA3_CUSTOM_FIXTURES").unwrap_or_else(|| "fixtures/custom".into());
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(dir)
}

fn main() {
    let root = corpus();
    let text = std::fs::read_to_string(root.join("cases.json"));
    let text = text.unwrap_or_else(|error| panic!("{}: {error}", root.display()));
    let settings: Arc<Value> = Arc::new(serde_json::from_str(&text).expect("cases.json is JSON"));
    let cases = settings["cases"].as_array().expect("cases.json has a list of cases").clone();
    assert!(cases.len() >= 22, "the table of PEFT has 22 cases, the corpus {}", cases.len());
    let trials = cases.into_iter().map(|meta| {
        let (root, settings) = (root.clone(), settings.clone());
        let name = meta["case"].as_str().expect("a case has a name").to_string();
        Trial::test(name, move || compare(&root, &meta, &settings))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}

/// Runs one case against the numbers of PEFT.
fn compare(root: &Path, meta: &Value, settings: &Value) -> Result<(), Failed> {
    let device = Device::flex();
    let case = Case { root, meta, settings, device: &device };
    let (failures, line) = match case.model() {
        "MLP" => case.run(Mlp::new(true, &device)),
        "MLPWithoutBias" => case.run(Mlp::new(false, &device)),
        "EmbConv1D" => case.run(EmbConv1D::new(&device)),
        "Conv2d" => case.run(ConvNet2d::new(&device)),
        "Grouped2d" => case.run(ConvNet2d::grouped(&device)),
        "Conv3d" => case.run(ConvNet3d::new(&device)),
        "Grouped3d" => case.run(ConvNet3d::grouped(&device)),
        other => return Err(format!("the test has no model `{other}`").into()),
    };
    println!("{:18} {line}", case.name());
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}
