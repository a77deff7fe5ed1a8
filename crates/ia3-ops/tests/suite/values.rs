//! Values of tensors that are the same in every run.

use std::cell::Cell;

use burn::tensor::{Device, Tensor, TensorData};

thread_local! {
    /// The state of the generator; each test runs on a thread of its own.
    static STATE: Cell<u64> = const { Cell::new(1) };
}

/// Uniform in (0, 1), by SplitMix64.
fn uniform() -> f64 {
    let state = STATE.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
    STATE.set(state);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (((mixed ^ (mixed >> 31)) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
}

/// A tensor of normally distributed values around 0, by Box and Muller.
pub(crate) fn normal<const D: usize>(dims: [usize; D], deviation: f64, device: &Device) -> Tensor<D> {
    let value = |_| (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos() * deviation;
    let values: Vec<f32> = (0..dims.iter().product()).map(|at| value(at) as f32).collect();
    Tensor::from_data(TensorData::new(values, dims), device)
}
