//! A base without the head of its classifier, and an adapter that brings a head with another number of classes than the base's
//! configuration says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::common::{succeed, tensor, workspace};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize_to_file};
use serde_json::Value;

const CLASSES: usize = 5;

/// Copies a safetensors file. `change` gives the new shape and bytes of a tensor, or `None` to leave it out.
fn rewrite(from: &Path, to: &Path, change: impl Fn(&str, &TensorView) -> Option<(Vec<usize>, Vec<u8>)>) {
    let bytes = std::fs::read(from).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let changed: BTreeMap<String, (Vec<usize>, Vec<u8>)> =
        file.iter().filter_map(|(name, view)| Some((name.to_string(), change(name, &view)?))).collect();
    let views = changed.iter().map(|(name, (shape, data))| {
        (name.clone(), TensorView::new(Dtype::F32, shape.clone(), data).unwrap())
    });
    serialize_to_file(views, None, to).unwrap();
}

fn same(view: &TensorView) -> Option<(Vec<usize>, Vec<u8>)> {
    Some((view.shape().to_vec(), view.data().to_vec()))
}

/// The folders `base`, without a head and with three classes in `config.json`, and `adapter`, with a head of five.
fn folders(dir: &Path) -> (PathBuf, PathBuf) {
    let case = workspace().join("fixtures/bert");
    let (base, adapter) = (dir.join("base"), dir.join("adapter"));
    std::fs::create_dir(&base).unwrap();
    std::fs::create_dir(&adapter).unwrap();
    std::fs::copy(case.join("base/config.json"), base.join("config.json")).unwrap();
    rewrite(&case.join("base/model.safetensors"), &base.join("model.safetensors"), |name, view| {
        if name.starts_with("classifier.") { None } else { same(view) }
    });
    std::fs::copy(case.join("adapter/adapter_config.json"), adapter.join("adapter_config.json")).unwrap();
    let file = "adapter_model.safetensors";
    rewrite(&case.join("adapter").join(file), &adapter.join(file), |name, view| {
        if !name.contains("classifier") {
            return same(view);
        }
        let shape = [&[CLASSES], &view.shape()[1..]].concat();
        let values = (0..shape.iter().product::<usize>()).map(|i| (i as f32 * 0.7).sin());
        Some((shape, values.flat_map(f32::to_le_bytes).collect()))
    });
    (base, adapter)
}

#[test]
fn the_head_of_the_adapter_decides_the_number_of_classes_of_the_merged_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let (base, adapter) = folders(dir.path());
    let inputs = workspace().join("fixtures/bert/io.safetensors");
    let path = |name: &str| dir.path().join(name).display().to_string();
    let [base, adapter, inputs] = [&base, &adapter, &inputs].map(|path| path.display().to_string());
    succeed(&["merge", "--base", &base, "--adapter", &adapter, "--out", &path("merged")]);
    let config = std::fs::read_to_string(dir.path().join("merged/config.json")).unwrap();
    let config: Value = serde_json::from_str(&config).unwrap();
    assert_eq!(config["num_labels"], CLASSES);
    assert_eq!(config.get("id2label"), None, "the names of three classes are not those of five");
    let args = ["forward", "--base", &base, "--adapter", &adapter, "--inputs", &inputs, "--out", &path("a")];
    succeed(&args);
    succeed(&["forward", "--base", &path("merged"), "--inputs", &inputs, "--out", &path("m")]);
    let [adapted, merged] = ["a", "m"].map(|name| tensor(&dir.path().join(name), "logits"));
    assert_eq!(adapted.len(), merged.len());
    let worst = adapted.iter().zip(&merged).map(|(a, m)| (a - m).abs()).fold(0.0, f64::max);
    println!("largest difference of a logit: {worst:.1e}");
    assert!(worst < 1e-4, "{worst}");
}

#[test]
fn inspect_and_status_compare_with_the_head_of_the_adapter() {
    let dir = tempfile::tempdir().unwrap();
    let (base, adapter) = folders(dir.path());
    let [base, adapter] = [&base, &adapter].map(|path| path.display().to_string());
    let inspected = succeed(&["inspect", &adapter, "--base", &base]);
    assert!(inspected.contains("fits"), "{inspected}");
    succeed(&["status", "--adapter", &adapter, "--base", &base]);
}
