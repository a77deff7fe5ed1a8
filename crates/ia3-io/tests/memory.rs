//! How much memory loading and saving take beside the weights. Alone in its process, so that nothing else counts.
//!
//! `IA3_MEMORY_LAYERS` sets the size (16 layers and an embedding: 200 MB); the time is printed with `--nocapture`.
#![cfg(target_os = "linux")]

mod common;

use std::fs;

use burn::tensor::{Device, FloatDType};
use common::memory::{Model, floats, generate, layers, peak};
use ia3_io::{Checkpoint, LoadOptions, save_checkpoint};

#[test]
fn memory_stays_close_to_the_weights() {
    let Some(layers) = layers() else { return };
    let (device, out) = (Device::flex(), tempfile::tempdir().unwrap());
    let file = out.path().join("model.safetensors");
    let weights = generate(&file, floats(layers));
    let load = |dtype| {
        let mut options = LoadOptions::new();
        options.dtype = dtype;
        Checkpoint::open(&file).unwrap().load_with(Model::new(layers, &device), &options).unwrap().0
    };
    let (model, share) = peak("load", weights, || load(None));
    assert!(share < 1.2, "{share}");
    let (_, share) = peak("save", weights, || save_checkpoint(&model, out.path().join("saved")).unwrap());
    assert!(share < 0.3, "{share}");
    assert!(fs::read(out.path().join("saved/model.safetensors")).unwrap().len() as u64 > weights);
    drop(model);
    let (_, share) = peak("load as bf16", weights / 2, || load(Some(FloatDType::BF16)));
    assert!(share < 1.2, "{share}");
}
