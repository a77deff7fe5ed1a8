//! A few rows times a large matrix, whose every element is read once, in the order of the memory.

use rayon::prelude::*;

use super::vectorised;

/// Elements of the matrix that one task reads: enough that starting it and adding its result cost little.
const ELEMENTS: usize = 128 * 1024;

/// Columns whose sums stay in the first cache, beside [`LINES`] lines of the matrix.
const COLUMNS: usize = 512;

/// Lines of the matrix read at once, so that a sum is read and written once for all of them.
pub(crate) const LINES: usize = 8;

/// What a matrix is made of.
pub(crate) trait Element: Copy + Sync {
    fn float(self) -> f32;
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
    let block = weight.scales.map_or(LINES, |scales| scales.block);
    let per_task = (ELEMENTS / n.max(1)).next_multiple_of(block);
    let tasks = inputs.div_ceil(per_task);
    let mut parts = vec![0.0; tasks * rows * n];
    parts.par_chunks_mut((rows * n).max(1)).enumerate().for_each(|(task, sums)| {
        let from = task * per_task;
        let part = Part { x, inputs, weight, block, lines: from..(from + per_task).min(inputs) };
        vectorised(|| part.add_to(sums));
    });
    let mut total = parts;
    let rest = total.split_off(rows * n);
    for part in rest.chunks_exact((rows * n).max(1)) {
        vectorised(|| total.iter_mut().zip(part).for_each(|(total, x)| *total += x));
    }
    total
}

/// Some of the inputs.
struct Part<'a, T> {
    x: &'a [f32],
    inputs: usize,
    weight: Lines<'a, T>,
    block: usize,
    lines: std::ops::Range<usize>,
}

impl<T: Element> Part<'_, T> {
    #[inline(always)]
    fn add_to(&self, sums: &mut [f32]) {
        let n = self.weight.outputs;
        for from in self.lines.clone().step_by(self.block) {
            let lines = from..(from + self.block).min(self.lines.end);
            for start in (0..n).step_by(COLUMNS) {
                let columns = start..(start + COLUMNS).min(n);
                for (row, sums) in sums.chunks_exact_mut(n).enumerate() {
                    let x = &self.x[row * self.inputs..][lines.clone()];
                    self.block(x, from, &mut sums[columns.clone()], start);
                }
            }
        }
    }

    /// Adds what the lines from `from` on say of the columns from `start` on.
    #[inline(always)]
    fn block(&self, x: &[f32], from: usize, sums: &mut [f32], start: usize) {
        let Some(scales) = self.weight.scales else { return self.lines(x, from, sums, start) };
        let mut unscaled = [0f32; COLUMNS];
        let unscaled = &mut unscaled[..sums.len()];
        self.lines(x, from, unscaled, start);
        let scales = &scales.values[from / self.block * self.weight.outputs + start..];
        for ((sum, value), scale) in sums.iter_mut().zip(unscaled).zip(scales) {
            *sum += *value * scale;
        }
    }

    #[inline(always)]
    fn lines(&self, x: &[f32], from: usize, sums: &mut [f32], start: usize) {
        let width = sums.len();
        let line = |i: usize| &self.weight.data[(from + i) * self.weight.outputs + start..][..width];
        let whole = x.len() - x.len() % LINES;
        for i in (0..whole).step_by(LINES) {
            let x: &[f32; LINES] = x[i..i + LINES].try_into().expect("whole");
            let w: [&[T]; LINES] = std::array::from_fn(|l| line(i + l));
            for (j, sum) in sums.iter_mut().enumerate() {
                let mut add = 0.0;
                for l in 0..LINES {
                    add += x[l] * w[l][j].float();
                }
                *sum += add;
            }
        }
        for (i, x) in x.iter().enumerate().skip(whole) {
            for (sum, w) in sums.iter_mut().zip(line(i)) {
                *sum += x * w.float();
            }
        }
    }
}
