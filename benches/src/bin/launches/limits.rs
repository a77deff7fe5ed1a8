//! How long a GPU takes at least.

use ia3_benches::{Shape, flops};

use crate::measure::{Counts, sum};

/// A GPU as its data sheet describes it.
struct Gpu {
    name: &'static str,
    /// Bytes per second of its memory.
    memory: f64,
    /// Operations per second in float32, without tensor cores.
    float32: f64,
}

const GPUS: [Gpu; 3] = [
    Gpu { name: "NVIDIA H200", memory: 4.8e12, float32: 67e12 },
    Gpu { name: "NVIDIA RTX 4090", memory: 1.008e12, float32: 82.6e12 },
    Gpu { name: "NVIDIA L4", memory: 0.3e12, float32: 30.3e12 },
];

/// The time of a launch in seconds, which no figure of a GPU changes much.
const LAUNCH: f64 = 5e-6;

/// Prints what a forward pass, a training step and a token move and compute, and the times of them on each GPU.
pub(crate) fn print(measured: &[(&Shape, Counts)]) {
    let names = GPUS.map(|gpu| format!("{} | ", gpu.name)).concat();
    println!("| shape | what | launches | weights read | products | launches at 5 µs | {names}");
    println!("|---|---|---|---|---|---|{}", "---|".repeat(GPUS.len()));
    for (shape, counts) in measured {
        let all = weights(counts);
        let forward = flops::forward(&counts.info, shape);
        row(shape, "forward", sum(&counts.forward[1]) as f64, all, forward);
        let train = flops::train(&counts.info, shape);
        row(shape, "train step", counts.of_train() as f64, 2.0 * all, train);
        if let Some(launches) = counts.of_token() {
            let bytes = counts.bytes_per_token as f64;
            row(shape, "token, one row", launches, bytes, bytes / 4.0 * 2.0);
        }
    }
}

/// The bytes of all weights in float32.
fn weights(counts: &Counts) -> f64 {
    4.0 * counts.weights as f64
}

fn row(shape: &Shape, what: &str, launches: f64, bytes: f64, flop: f64) {
    let batch = match (what, shape.target) {
        ("token, one row", _) => String::new(),
        (_, Some(target)) => format!(", {} × {} in, {target} out", shape.batch, shape.input),
        (_, None) => format!(", {} × {}", shape.batch, shape.input),
    };
    let least = |gpu: &Gpu| format!("{} | ", milliseconds((bytes / gpu.memory).max(flop / gpu.float32)));
    println!(
        "| {} | {what}{batch} | {launches:.0} | {:.0} MB | {:.2} GFLOP | {} | {}",
        shape.name,
        bytes / 1e6,
        flop / 1e9,
        milliseconds(launches * LAUNCH),
        GPUS.iter().map(least).collect::<String>()
    );
}

fn milliseconds(seconds: f64) -> String {
    format!("{:.2} ms", 1e3 * seconds)
}
