//! How much memory loading and saving take beside the weights. Alone in its process, so that nothing else counts.
//!
//! `IA3_MEMORY_LAYERS` sets the size (16 layers and an embedding: 200 MB); the time is printed with `--nocapture`.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig};
use burn::tensor::{Device, FloatDType};
use ia3_io::{Checkpoint, CheckpointOptions, LoadOptions, save_checkpoint};
use serde_json::json;

const VOCAB: usize = 16_128;
const D_MODEL: usize = 1_024;
const D_FF: usize = 2_048;

#[derive(Module, Debug)]
struct Model {
    shared: Embedding,
    layer: Vec<Linear>,
}

impl Model {
    fn new(layers: usize, device: &Device) -> Self {
        let linear = |_| LinearConfig::new(D_MODEL, D_FF).with_bias(false).init(device);
        let shared = EmbeddingConfig::new(VOCAB, D_MODEL).init(device);
        Self { shared, layer: (0..layers).map(linear).collect() }
    }
}

/// A checkpoint for the model, written without holding it.
fn generate(path: &Path, layers: usize) -> u64 {
    let mut start = 0;
    let mut entry = |shape: [usize; 2]| {
        let end = start + 4 * shape[0] * shape[1];
        let entry = json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, end] });
        start = end;
        entry
    };
    let mut header = serde_json::Map::new();
    header.insert("shared.weight".into(), entry([VOCAB, D_MODEL]));
    for i in 0..layers {
        header.insert(format!("layer.{i}.weight"), entry([D_FF, D_MODEL]));
    }
    let header = serde_json::Value::from(header).to_string();
    let mut out = BufWriter::new(File::create(path).unwrap());
    out.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    out.write_all(header.as_bytes()).unwrap();
    (0..start as u32 / 4).for_each(|i| out.write_all(&(i as f32).to_le_bytes()).unwrap());
    out.flush().unwrap();
    start as u64
}

/// A field of `/proc/self/status` in bytes.
fn status(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// The result of `f`, and by how much the memory of the process grew at its peak.
fn peak<T>(what: &str, weights: u64, f: impl FnOnce() -> T) -> (T, f64) {
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let (before, start) = (status("VmRSS"), Instant::now());
    let result = f();
    let share = (status("VmHWM") - before) as f64 / weights as f64;
    println!("{what}: {share:.3} of {} MB in {:.2} s", weights / 1_000_000, start.elapsed().as_secs_f64());
    (result, share)
}

#[test]
fn memory_stays_close_to_the_weights() {
    let layers = std::env::var("IA3_MEMORY_LAYERS").ok().and_then(|n| n.parse().ok()).unwrap_or(16);
    let (device, out) = (Device::flex(), tempfile::tempdir().unwrap());
    let file = out.path().join("model.safetensors");
    let weights = generate(&file, layers);
    if fs::write("/proc/self/clear_refs", "5").is_err() {
        eprintln!("skipped: /proc/self/clear_refs cannot be written here");
        return;
    }
    let load = |dtype| {
        let options = LoadOptions { dtype, ..Default::default() };
        Checkpoint::open(&file).unwrap().load(Model::new(layers, &device), &options).unwrap().0
    };
    let (model, share) = peak("load", weights, || load(None));
    assert!(share < 1.2, "{share}");
    let options = CheckpointOptions::default();
    let (_, share) =
        peak("save", weights, || save_checkpoint(&model, out.path().join("saved"), &options).unwrap());
    assert!(share < 0.3, "{share}");
    assert!(fs::read(out.path().join("saved/model.safetensors")).unwrap().len() as u64 > weights);
    drop(model);
    let (_, share) = peak("load as bf16", weights / 2, || load(Some(FloatDType::BF16)));
    assert!(share < 1.2, "{share}");
}
