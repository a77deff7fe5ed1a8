//! A few rows times a large matrix, whose every element is read once, in the order of the memory.

use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::vectorised;

/// Elements of the matrix that one task reads: enough that starting it and adding its result cost little.
const ELEMENTS: usize = 128 * 1024;

/// Lines of the matrix read at once, so that a sum is read and written once for all of them.
const LINES: usize = 8;

/// Vectors of sums that stay in registers.
const VECTORS: usize = 4;

/// What a matrix is made of.
pub(crate) trait Element: Copy + Sync {
    fn float(self) -> f32;

    /// # Safety
    ///
    /// As many elements as a vector holds must follow `from`.
    #[inline(always)]
    unsafe fn vector<S: Simd>(simd: S, from: *const Self) -> S::f32s {
        let mut vector = simd.splat_f32s(0.0);
        let to = (&raw mut vector).cast::<f32>();
        for i in 0..S::F32_LANES {
            // SAFETY: `vector` has as many lanes.
            unsafe { to.add(i).write((*from.add(i)).float()) };
        }
        vector
    }
}

impl Element for f32 {
    #[inline(always)]
    fn float(self) -> f32 {
        self
    }
}

impl Element for i8 {
    #[inline(always)]
    fn float(self) -> f32 {
        f32::from(self)
    }
}

/// `[inputs, outputs]` elements in row-major order, and a factor for each block of inputs of each output, if there are any.
#[derive(Clone, Copy)]
pub(crate) struct Lines<'a, T> {
    pub(crate) data: &'a [T],
    pub(crate) outputs: usize,
    pub(crate) scales: Option<Scales<'a>>,
}

#[derive(Clone, Copy)]
pub(crate) struct Scales<'a> {
    /// `[inputs / block, outputs]`
    pub(crate) values: &'a [f32],
    /// Inputs that share a scale.
    pub(crate) block: usize,
}

/// `x·W`, `[rows, outputs]`, of `x` `[rows, inputs]`. The sums are added in an order that does not depend on the number of
/// threads.
pub(crate) fn product<T: Element>(x: &[f32], inputs: usize, weight: Lines<T>) -> Vec<f32> {
    let (rows, n) = (x.len() / inputs, weight.outputs);
    assert_eq!(weight.data.len(), inputs * n, "as many elements as the shape says");
    let block = weight.scales.map_or(LINES, |scales| scales.block);
    let per_task = (ELEMENTS / n.max(1)).next_multiple_of(block).max(block);
    let tasks = inputs.div_ceil(per_task);
    let mut parts = vec![0.0; tasks * rows * n];
    parts.par_chunks_mut((rows * n).max(1)).enumerate().for_each(|(task, sums)| {
        let from = task * per_task;
        let lines = from..(from + per_task).min(inputs);
        pulp::Arch::new().dispatch(Part { x, inputs, weight, lines, sums });
    });
    let mut total = parts;
    let rest = total.split_off(rows * n);
    for part in rest.chunks_exact((rows * n).max(1)) {
        vectorised(|| total.iter_mut().zip(part).for_each(|(total, x)| *total += x));
    }
    total
}

/// The share of some of the inputs in all outputs.
struct Part<'a, T> {
    x: &'a [f32],
    inputs: usize,
    weight: Lines<'a, T>,
    lines: Range<usize>,
    sums: &'a mut [f32],
}

impl<T: Element> WithSimd for Part<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { x, inputs, weight, lines, sums } = self;
        let Some(Scales { values, block }) = weight.scales else {
            return add_all(simd, (x, inputs), weight, lines, sums);
        };
        let n = weight.outputs;
        let mut unscaled = vec![0f32; sums.len()];
        for from in lines.clone().step_by(block) {
            unscaled.fill(0.0);
            add_all(simd, (x, inputs), weight, from..(from + block).min(lines.end), &mut unscaled);
            let scales = &values[from / block * n..][..n];
            for (sums, unscaled) in sums.chunks_exact_mut(n).zip(unscaled.chunks_exact(n)) {
                for ((sum, value), scale) in sums.iter_mut().zip(unscaled).zip(scales) {
                    *sum += value * scale;
                }
            }
        }
    }
}

/// Adds what the lines say, [`LINES`] at a time.
#[inline(always)]
fn add_all<S: Simd, T: Element>(
    simd: S,
    (x, inputs): (&[f32], usize),
    weight: Lines<T>,
    lines: Range<usize>,
    sums: &mut [f32],
) {
    let whole = lines.len() - lines.len() % LINES;
    for from in (lines.start..lines.start + whole).step_by(LINES) {
        add::<S, T, LINES>(simd, (x, inputs), weight, from, sums);
    }
    for from in lines.start + whole..lines.end {
        add::<S, T, 1>(simd, (x, inputs), weight, from, sums);
    }
}

/// `sums += x·W` of `L` lines from `from` on.
#[inline(always)]
fn add<S: Simd, T: Element, const L: usize>(
    simd: S,
    (x, inputs): (&[f32], usize),
    weight: Lines<T>,
    from: usize,
    sums: &mut [f32],
) {
    let (n, width) = (weight.outputs, VECTORS * S::F32_LANES);
    let whole = n - n % width;
    let data = &weight.data[from * n..(from + L) * n];
    for column in (0..whole).step_by(width) {
        let data = &data[column..];
        let mut row = 0;
        while row < sums.len() / n {
            let (x, sums) = (&x[row * inputs + from..], &mut sums[row * n + column..]);
            row += if sums.len() >= (ROWS - 1) * n + width {
                block::<S, T, L, ROWS>(simd, (x, inputs), (data, n), sums);
                ROWS
            } else {
                block::<S, T, L, 1>(simd, (x, inputs), (data, n), sums);
                1
            };
        }
    }
    for (x, sums) in x.chunks_exact(inputs).zip(sums.chunks_exact_mut(n)) {
        for (x, w) in x[from..from + L].iter().zip(data.chunks_exact(n)) {
            for (sum, w) in sums[whole..].iter_mut().zip(&w[whole..]) {
                *sum += x * w.float();
            }
        }
    }
}

/// Rows that share what is read of the matrix.
const ROWS: usize = 4;

/// `R` rows of as many columns as [`VECTORS`] have, from the start of `sums` on, `n` apart; those of `x` are `inputs` apart.
#[inline(always)]
fn block<S: Simd, T: Element, const L: usize, const R: usize>(
    simd: S,
    (x, inputs): (&[f32], usize),
    (data, n): (&[T], usize),
    sums: &mut [f32],
) {
    let width = VECTORS * S::F32_LANES;
    assert!(sums.len() >= (R - 1) * n + width && data.len() >= (L - 1) * n + width);
    let at = |row: usize, v: usize| row * n + v * S::F32_LANES;
    let mut total = [[simd.splat_f32s(0.0); VECTORS]; R];
    for (r, total) in total.iter_mut().enumerate() {
        for (v, total) in total.iter_mut().enumerate() {
            // SAFETY: asserted.
            *total = unsafe { sums.as_ptr().add(at(r, v)).cast::<S::f32s>().read_unaligned() };
        }
    }
    for l in 0..L {
        let mut w = [simd.splat_f32s(0.0); VECTORS];
        for (v, w) in w.iter_mut().enumerate() {
            // SAFETY: asserted.
            *w = unsafe { T::vector(simd, data.as_ptr().add(at(l, v))) };
        }
        for (r, total) in total.iter_mut().enumerate() {
            let x = simd.splat_f32s(x[r * inputs + l]);
            for v in 0..VECTORS {
                total[v] = simd.mul_add_f32s(x, w[v], total[v]);
            }
        }
    }
    for (r, total) in total.into_iter().enumerate() {
        for (v, total) in total.into_iter().enumerate() {
            // SAFETY: asserted.
            unsafe { sums.as_mut_ptr().add(at(r, v)).cast::<S::f32s>().write_unaligned(total) };
        }
    }
}
