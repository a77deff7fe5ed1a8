//! As `memory.rs`, of weights in 8 bits: loaded, and made of a float checkpoint, which never is in memory as a whole.
#![cfg(target_os = "linux")]

mod common;

use burn::tensor::Device;
use common::memory::{D_FF, D_MODEL, Model, floats, generate, integers, layers, peak};
use ia3_core::Bits;
use ia3_io::{Checkpoint, save_checkpoint};

/// Bytes of a layer in float32.
const LAYER: f64 = (4 * D_MODEL * D_FF) as f64;

#[test]
fn memory_stays_close_to_the_integers() {
    let Some(layers) = layers() else { return };
    let (device, out) = (Device::flex(), tempfile::tempdir().unwrap());
    let [float, quantized] = ["float", "quantised"].map(|name| out.path().join(name));
    for dir in [&float, &quantized] {
        std::fs::create_dir(dir).unwrap();
    }
    let all = generate(&float.join("model.safetensors"), floats(layers));
    let weights = generate(&quantized.join("model.safetensors"), integers(layers));
    let config = r#"{"quantization_config": {"quant_method": "ia3", "version": 1, "weights": "int8"}}"#;
    std::fs::write(quantized.join("config.json"), config).unwrap();

    let open = |dir| Checkpoint::open(dir).unwrap();
    let (model, share) =
        peak("load 8 bits", weights, || open(&quantized).load(Model::new(layers, &device)).unwrap().0);
    assert!(share < 1.2, "{share}");
    let saved = out.path().join("saved");
    let (_, share) = peak("save 8 bits", weights, || save_checkpoint(&model, &saved).unwrap());
    assert!(share < 0.3, "{share}");
    // The first model stays, so that none of its memory is used again. Of a layer that is being quantised there are a few
    // copies in float32.
    let (_, share) = peak(&format!("quantise {} MB", all / 1_000_000), weights, || {
        let module = Model::new(layers, &device);
        open(&float).load_quantized(module, Bits::Eight).unwrap()
    });
    assert!(share < 1.1 + 6.0 * LAYER / weights as f64, "{share}");
}
