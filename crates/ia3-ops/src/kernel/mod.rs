//! What is computed of float32 slices, free of burn.
//!
//! Everything is written as plain loops that the compiler vectorises; [`vectorised`] runs them with the widest
//! instructions that the machine has. No fused multiply-add is used, so every machine gives the same bits; products of matrices
//! alone use it, where the machine has it.

pub(crate) mod attention;
pub(crate) mod dots;
pub(crate) mod exp;
pub(crate) mod few;
pub(crate) mod gemm;
pub(crate) mod nll;
pub(crate) mod norm;
pub(crate) mod panels;
pub(crate) mod parallel;
pub(crate) mod product;
pub(crate) mod scale;
pub(crate) mod softmax;
pub(crate) mod unary;

/// Runs `f` compiled for the instructions of this machine: as far as it is inlined, so closures have to be `#[inline(always)]`, and
/// those that they call.
#[inline(always)]
pub(crate) fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}

/// Accumulators of a reduction: as many as two of the widest vectors hold.
pub(crate) const LANES: usize = 32;

/// `Σ f(i)` over `0..n` by [`LANES`] partial sums, in an order that does not depend on the machine.
#[inline(always)]
pub(crate) fn sum<const N: usize>(slices: [&[f32]; N], f: impl Fn([f32; N]) -> f32) -> f32 {
    let n = slices[0].len();
    let whole = n - n % LANES;
    let mut partial = [0f32; LANES];
    for start in (0..whole).step_by(LANES) {
        let blocks = slices.map(|s| -> &[f32; LANES] { s[start..start + LANES].try_into().expect("whole") });
        for (lane, total) in partial.iter_mut().enumerate() {
            *total += f(blocks.map(|b| b[lane]));
        }
    }
    let rest: f32 = (whole..n).map(|i| f(slices.map(|s| s[i]))).sum();
    partial.iter().sum::<f32>() + rest
}

/// The largest element, NaN where there is one; `-inf` of nothing.
#[inline(always)]
pub(crate) fn max(row: &[f32]) -> f32 {
    let greater = |a: f32, b: f32| if b > a || b.is_nan() { b } else { a };
    let mut partial = [f32::NEG_INFINITY; LANES];
    let blocks = row.chunks_exact(LANES);
    let rest = blocks.remainder();
    for block in blocks {
        for (most, &x) in partial.iter_mut().zip(block) {
            *most = greater(*most, x);
        }
    }
    partial.iter().chain(rest).copied().fold(f32::NEG_INFINITY, greater)
}
