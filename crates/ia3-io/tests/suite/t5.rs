//! T5 of transformers: checkpoints, adapters and merged weights.

use std::fs;

use crate::common::fixture;
use burn::tensor::Device;
use ia3_core::merge;
use ia3_io::{Checkpoint, load_adapter, save_checkpoint};
use ia3_models::t5::{T5Config, T5ForConditionalGeneration};

fn load(name: &str, device: &Device) -> T5ForConditionalGeneration {
    let base = fixture(name).join("base");
    let mut config = T5Config::from_json(&fs::read_to_string(base.join("config.json")).unwrap()).unwrap();
    let checkpoint = Checkpoint::open(&base).unwrap();
    // The head is tied where the file says so, by its contents.
    let (head, embedding) = ("lm_head.weight", "shared.weight");
    config.tie_lm_head = !checkpoint.contains(head) || checkpoint.same_bytes(head, embedding).unwrap();
    let (model, report) = checkpoint.load(config.init_lm(device)).unwrap();
    assert!(report.missing.is_empty() && report.unused.is_empty(), "{name}: {report}");
    assert_eq!(report.bytes, checkpoint.total_bytes());
    model
}

#[test]
fn a_checkpoint_is_saved_as_it_was_loaded() {
    let (device, out) = (Device::flex(), tempfile::tempdir().unwrap());
    for name in ["t5", "t5v11", "mt5"] {
        let dir = out.path().join(name);
        save_checkpoint(&load(name, &device), &dir).unwrap();
        let bytes = |dir: std::path::PathBuf| fs::read(dir.join("model.safetensors")).unwrap();
        assert!(bytes(dir) == bytes(fixture(name).join("base")), "{name}");
    }
}

#[test]
fn merged_weights_are_those_of_peft() {
    let (device, out) = (Device::flex(), tempfile::tempdir().unwrap());
    for name in ["t5", "t5v11", "mt5"] {
        let model = load(name, &device);
        let adapter = load_adapter(fixture(name).join("adapter"), &model.info(), &device).unwrap();
        let dir = out.path().join(name);
        save_checkpoint(&merge(&model, &[&adapter]).unwrap(), &dir).unwrap();
        let (ours, peft) =
            (Checkpoint::open(&dir).unwrap(), fixture(name).join("merged_weights.safetensors"));
        let peft = Checkpoint::open(peft).unwrap();
        for tensor in peft.tensors() {
            let [a, b] = [&ours, &peft].map(|c| c.tensor(tensor.name).unwrap());
            assert_eq!(a.shape(), b.shape(), "{}", tensor.name);
            let differences = a.iter::<f32>().zip(b.iter::<f32>()).map(|(a, b)| (a - b).abs());
            assert!(differences.fold(0., f32::max) < 1e-6, "{name}: {}", tensor.name);
        }
        assert!(peft.tensors().count() > 10);
    }
}
