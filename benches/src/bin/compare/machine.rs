//! The limits of the machine: the rate of matrix products and the rate of reading memory.

use std::hint::black_box;

use anyhow::Result;
use burn::tensor::{Device, Distribution, Tensor};

use crate::timing::fastest;

/// The size of the buffer that is read, far larger than a cache.
const BUFFER: usize = 512 << 20;

/// The rate of a large matrix product in GFLOP/s.
pub(crate) fn gemm(device: &Device) -> Result<f64> {
    let side = 2048;
    let x = || Tensor::<2>::random([side, side], Distribution::Default, device);
    let (a, b) = (x(), x());
    let seconds = fastest(|| {
        black_box(a.clone().matmul(b.clone()));
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

/// The sum of all numbers. Every thread adds one part of them.
fn sum(buffer: &[u64], threads: usize) -> u64 {
    let add = |part: &[u64]| part.iter().fold(0, |sum: u64, x| sum.wrapping_add(*x));
    std::thread::scope(|scope| {
        let parts = buffer.chunks(buffer.len().div_ceil(threads).max(1));
        let running: Vec<_> = parts.map(|part| scope.spawn(move || add(part))).collect();
        let of_thread = running.into_iter().map(|thread| thread.join().expect("a sum does not panic"));
        of_thread.fold(0, u64::wrapping_add)
    })
}

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
