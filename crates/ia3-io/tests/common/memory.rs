//! Models that are large enough to tell how much memory they take.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig};
use burn::tensor::Device;
use ia3_core::ActivationSpace;
use serde_json::json;

pub const VOCAB: usize = 16_128;
pub const D_MODEL: usize = 1_024;
pub const D_FF: usize = 2_048;

#[derive(Module, Debug)]
pub struct Model {
    shared: Embedding,
    layer: Vec<Linear>,
}

impl Model {
    pub fn new(layers: usize, device: &Device) -> Self {
        let linear = |_| LinearConfig::new(D_MODEL, D_FF).with_bias(false).init(device);
        let shared = EmbeddingConfig::new(VOCAB, D_MODEL).init(device);
        Self { shared, layer: (0..layers).map(linear).collect() }
    }
}

impl ActivationSpace for Model {}

/// A tensor of a checkpoint: its name, dtype, bytes of a value, and shape.
pub type Sized<'a> = (String, &'a str, usize, [usize; 2]);

/// The float tensors of the model.
pub fn floats(layers: usize) -> Vec<Sized<'static>> {
    let layer = |i| (format!("layer.{i}.weight"), "F32", 4, [D_FF, D_MODEL]);
    [embedding()].into_iter().chain((0..layers).map(layer)).collect()
}

/// Those of the model in 8 bits, a scale for 64 inputs.
pub fn integers(layers: usize) -> Vec<Sized<'static>> {
    let integers = |i: usize| (format!("layer.{i}.weight_int8"), "I8", 1, [D_FF, D_MODEL]);
    let scales = |i: usize| (format!("layer.{i}.weight_scale"), "F32", 4, [D_FF, D_MODEL / 64]);
    [embedding()].into_iter().chain((0..layers).flat_map(|i| [integers(i), scales(i)])).collect()
}

fn embedding() -> Sized<'static> {
    ("shared.weight".into(), "F32", 4, [VOCAB, D_MODEL])
}

/// A checkpoint of such tensors, written without holding them; returns their bytes.
pub fn generate(path: &Path, tensors: Vec<Sized>) -> u64 {
    let (mut start, mut header) = (0, serde_json::Map::new());
    for (name, dtype, width, shape) in tensors {
        let end = start + width * shape[0] * shape[1];
        header.insert(name, json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, end] }));
        start = end;
    }
    let header = serde_json::Value::from(header).to_string();
    let mut out = BufWriter::new(File::create(path).unwrap());
    out.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    out.write_all(header.as_bytes()).unwrap();
    (0..start).for_each(|i| out.write_all(&[(i % 61) as u8]).unwrap());
    out.flush().unwrap();
    start as u64
}

/// How many layers `IA3_MEMORY_LAYERS` asks for; `None`, and a line, where memory cannot be measured.
pub fn layers() -> Option<usize> {
    if fs::write("/proc/self/clear_refs", "5").is_err() {
        ia3_testing::skip(
            "/proc/self/clear_refs cannot be written, so the peak of memory cannot be measured",
        );
        return None;
    }
    Some(std::env::var("IA3_MEMORY_LAYERS").ok().and_then(|n| n.parse().ok()).unwrap_or(16))
}

/// A field of `/proc/self/status` in bytes.
pub fn status(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// The result of `f`, and by how much the memory of the process grew at its peak.
pub fn peak<T>(what: &str, weights: u64, f: impl FnOnce() -> T) -> (T, f64) {
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let (before, start) = (status("VmRSS"), Instant::now());
    let result = f();
    let share = (status("VmHWM") - before) as f64 / weights as f64;
    println!("{what}: {share:.3} of {} MB in {:.2} s", weights / 1_000_000, start.elapsed().as_secs_f64());
    (result, share)
}
