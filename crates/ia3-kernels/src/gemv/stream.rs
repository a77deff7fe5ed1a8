//! Some rows and columns of a weight, in the order of the memory.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use crate::fetch::fetch_all;
use crate::weight::{Element, Weight};

/// Rows of the weight that are added to the sums of several rows of `x` at once, so that each sum is read and written once for all
/// of them. With one row of `x`, a thread reads one stream of memory, which the machine fetches ahead by itself.
const LINES: usize = 8;

/// A part of the product of a few rows and a weight.
pub(super) struct Stream<'a, T> {
    /// `[rows, inputs]`
    pub(super) x: &'a [f32],
    pub(super) weight: Weight<'a, T>,
    pub(super) lines: Range<usize>,
    pub(super) columns: Range<usize>,
    /// `[rows, columns]`, to which the products are added.
    pub(super) sums: &'a mut [f32],
    pub(super) rows: usize,
}

impl<T: Element> WithSimd for Stream<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        match self.rows {
            1 => self.run::<S, 1>(simd),
            _ => self.run::<S, LINES>(simd),
        }
    }
}

impl<T: Element> Stream<'_, T> {
    /// Adds the products with all lines, `L` at a time.
    #[inline(always)]
    fn run<S: Simd, const L: usize>(&mut self, simd: S) {
        let lines = self.lines.clone();
        let whole = lines.end - lines.len() % L;
        for line in (lines.start..whole).step_by(L) {
            // Where there are more than four rows, the next ones find the lines in the cache.
            let mut row = 0;
            while row + 4 <= self.rows {
                self.add::<S, 4, 2, L>(simd, line, row);
                row += 4;
            }
            if row + 2 <= self.rows {
                self.add::<S, 2, 4, L>(simd, line, row);
                row += 2;
            }
            if row < self.rows {
                self.add::<S, 1, 2, L>(simd, line, row);
            }
        }
        for line in whole..lines.end {
            for row in 0..self.rows {
                self.add::<S, 1, 2, 1>(simd, line, row);
            }
        }
    }

    /// Adds the products with `L` rows of the weight to `R` rows of sums, `V` vectors of columns at a time.
    #[inline(always)]
    fn add<S: Simd, const R: usize, const V: usize, const L: usize>(
        &mut self,
        simd: S,
        line: usize,
        row: usize,
    ) {
        let [inputs, outputs] = self.weight.dims();
        let (n, width) = (self.columns.len(), V * S::F32_LANES);
        assert!(
            line + L <= self.lines.end
                && row + R <= self.rows
                && self.lines.end <= inputs
                && self.columns.end <= outputs
                && self.weight.data().len() == inputs * outputs
                && self.x.len() == self.rows * inputs
                && self.sums.len() == self.rows * n
        );
        let x: [[S::f32s; L]; R] = std::array::from_fn(
            #[inline(always)]
            |r| {
                std::array::from_fn(
                    #[inline(always)]
                    |l| simd.splat_f32s(self.x[(row + r) * inputs + line + l]),
                )
            },
        );
        let whole = n - n % width;
        let data = self.weight.data()[line * outputs + self.columns.start..].as_ptr();
        let sums = self.sums[row * n..].as_mut_ptr();
        for column in (0..whole).step_by(width) {
            if row == 0 && L > 1 {
                for l in 0..L {
                    fetch_all(data.wrapping_add((L + l) * outputs + column), width);
                }
            }
            // SAFETY: it is asserted that the `L` lines are rows of the weight, that the columns of the strip are columns of it,
            // and that there are `R` rows of `n` sums from `row` on; `column + width` is at most `n`.
            unsafe {
                let mut total: [[S::f32s; V]; R] = std::array::from_fn(
                    #[inline(always)]
                    |r| {
                        std::array::from_fn(
                            #[inline(always)]
                            |v| {
                                let at = sums.add(r * n + column + v * S::F32_LANES);
                                at.cast::<S::f32s>().read_unaligned()
                            },
                        )
                    },
                );
                // One vector at a time, used where it is made: without an instruction for it, the compiler widens an array of vectors
                // of float16 element by element.
                #[allow(clippy::needless_range_loop)]
                for l in 0..L {
                    for v in 0..V {
                        let w = T::load(simd, data.add(l * outputs + column + v * S::F32_LANES));
                        for r in 0..R {
                            total[r][v] = simd.mul_add_f32s(x[r][l], w, total[r][v]);
                        }
                    }
                }
                for (r, total) in total.into_iter().enumerate() {
                    for (v, total) in total.into_iter().enumerate() {
                        let at = sums.add(r * n + column + v * S::F32_LANES);
                        at.cast::<S::f32s>().write_unaligned(total);
                    }
                }
            }
        }
        for r in 0..R {
            let x = &self.x[(row + r) * inputs + line..][..L];
            for column in whole..n {
                let w = self.weight.data()[line * outputs + self.columns.start + column..]
                    .iter()
                    .step_by(outputs);
                let sum = &mut self.sums[(row + r) * n + column];
                *sum = x.iter().zip(w).fold(*sum, |sum, (x, w)| x.mul_add(w.float(), sum));
            }
        }
    }
}
