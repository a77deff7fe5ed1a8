//! The limits of the machine: the rate of matrix products and the rate of reading memory.

use std::hint::black_box;

use anyhow::Result;
use burn::tensor::{Device, Distribution, Tensor};

use crate::figures::Figures;
use crate::timing::fastest;

/// The size of the buffer that is read, far larger than a cache.
const BUFFER: usize = 512 << 20;

/// What this library and this program reach with `threads` threads.
pub(crate) fn limits(threads: usize) -> Result<Figures> {
    let [_, read] = bandwidth(threads)?;
    Ok([(READ, read), (PRODUCT, gemm(&Device::flex())?)].map(|(name, rate)| (name.to_string(), rate)).into())
}

/// The figure of reading memory, in GB/s.
pub(crate) const READ: &str = "memory, read by this program, GB/s";

/// The figure of a large product, in GFLOP/s.
pub(crate) const PRODUCT: &str = "product in float32, this library, GFLOP/s";

/// The rate of a large matrix product in GFLOP/s, by the kernel of a linear layer.
pub(crate) fn gemm(device: &Device) -> Result<f64> {
    let side = 2048;
    let x = || Tensor::<2>::random([side, side], Distribution::Default, device);
    let (a, b) = (x(), x());
    let seconds = fastest(|| {
        black_box(ia3_ops::linear(a.clone(), b.clone(), None));
        Ok(device.sync()?)
    })?;
    Ok(2.0 * (side as f64).powi(3) / seconds / 1e9)
}

/// The rates at which one thread and `threads` threads read memory, in GB/s.
pub(crate) fn bandwidth(threads: usize) -> Result<[f64; 2]> {
    let buffer: Vec<u64> = (0..(BUFFER / 8) as u64).collect();
    let rate = |threads| -> Result<f64> {
        let seconds = fastest(|| {
            black_box(sum(black_box(&buffer), threads));
            Ok(())
        })?;
        Ok(BUFFER as f64 / seconds / 1e9)
    };
    Ok([rate(1)?, rate(threads)?])
}

/// Parts of the memory that a thread reads at once. One alone does not keep the memory busy on every machine.
const STREAMS: usize = 8;

/// The sum of all numbers. Every thread adds one part of them.
fn sum(buffer: &[u64], threads: usize) -> u64 {
    std::thread::scope(|scope| {
        let parts = buffer.chunks(buffer.len().div_ceil(threads).max(1));
        let running: Vec<_> = parts.map(|part| scope.spawn(move || add_streams(part))).collect();
        let of_thread = running.into_iter().map(|thread| thread.join().expect("a sum does not panic"));
        of_thread.fold(0, u64::wrapping_add)
    })
}

/// The sum of one thread: a cache line of each of the streams after the other.
fn add_streams(part: &[u64]) -> u64 {
    const LINE: usize = 8;
    let len = part.len() / (STREAMS * LINE) * LINE;
    let mut sums = [[0u64; LINE]; STREAMS];
    for at in (0..len).step_by(LINE) {
        for (stream, sums) in sums.iter_mut().enumerate() {
            let line = &part[stream * len + at..][..LINE];
            sums.iter_mut().zip(line).for_each(|(sum, x)| *sum = sum.wrapping_add(*x));
        }
    }
    let rest = &part[STREAMS * len..];
    sums.iter().flatten().chain(rest).fold(0, |sum, x| sum.wrapping_add(*x))
}

/// The processor's name, its number of threads, and its vector instructions, as Linux names them.
pub(crate) fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name))?;
        line.split_once(':').map(|(_, value)| value.trim())
    };
    let flags: Vec<&str> =
        field("flags").or_else(|| field("Features")).unwrap_or_default().split(' ').collect();
    let known = INSTRUCTIONS.iter().filter(|name| flags.contains(name));
    let known: Vec<&str> = known.copied().collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let name = field("model name").unwrap_or(std::env::consts::ARCH);
    format!("{name}, {threads} threads, {}", known.join(" "))
}

/// Instructions for products, by their names in `/proc/cpuinfo`.
const INSTRUCTIONS: [&str; 12] = [
    "avx2",
    "fma",
    "f16c",
    "avx512f",
    "avx512vl",
    "avx512_vnni",
    "avx_vnni",
    "avx512_bf16",
    "amx_tile",
    "amx_int8",
    "amx_bf16",
    "asimddp",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_read_however_the_buffer_is_divided() {
        let buffer: Vec<u64> = (1..=1001).collect();
        for threads in [1, 2, 3, 1001, 2000] {
            assert_eq!(sum(&buffer, threads), 1001 * 1002 / 2);
        }
        assert_eq!(sum(&[], 2), 0);
    }
}
