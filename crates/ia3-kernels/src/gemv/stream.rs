//! Some rows and columns of a weight, in the order of the memory.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use crate::fetch::fetch_all;
use crate::weight::{Element, Weight};

/// Bytes of a column of the weight whose products are summed in registers before the sums are written.
const COLUMN: usize = 32;

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
    fn with_simd<S: Simd>(self, simd: S) {
        // As many vectors as the registers have room for: there are 32 of them, or 16 with AVX2.
        match S::F32_LANES {
            8 => self.run::<S, 2>(simd),
            _ => self.run::<S, 4>(simd),
        }
    }
}

impl<T: Element> Stream<'_, T> {
    /// Adds the products of all rows, those of four rows with `V` vectors of columns at a time.
    #[inline(always)]
    fn run<S: Simd, const V: usize>(mut self, simd: S) {
        let height = COLUMN / size_of::<T>();
        for from in self.lines.clone().step_by(height) {
            let lines = from..(from + height).min(self.lines.end);
            // Where there are more than four rows, the next ones find the lines in the cache.
            let mut row = 0;
            while row + 4 <= self.rows {
                self.add::<S, 4, V>(simd, lines.clone(), row);
                row += 4;
            }
            if row + 2 <= self.rows {
                self.add::<S, 2, 4>(simd, lines.clone(), row);
                row += 2;
            }
            if row < self.rows {
                self.add::<S, 1, 4>(simd, lines.clone(), row);
            }
        }
    }

    /// Adds the products with some rows of the weight to `R` rows of sums, `V` vectors of columns at a time. Each sum is a chain of
    /// fused multiplications and additions in the order of the lines, whatever `R` and the number of lines are.
    #[inline(always)]
    fn add<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, lines: Range<usize>, row: usize) {
        let [inputs, outputs] = self.weight.dims();
        let (n, width) = (self.columns.len(), V * S::F32_LANES);
        assert!(
            lines.end <= self.lines.end
                && row + R <= self.rows
                && self.lines.end <= inputs
                && self.columns.end <= outputs
                && self.weight.data().len() == inputs * outputs
                && self.x.len() == self.rows * inputs
                && self.sums.len() == self.rows * n
        );
        let whole = n - n % width;
        let data = self.weight.data()[lines.start * outputs + self.columns.start..].as_ptr();
        let x = self.x[row * inputs + lines.start..].as_ptr();
        let sums = self.sums[row * n..].as_mut_ptr();
        for column in (0..whole).step_by(width) {
            // SAFETY: it is asserted that the lines are rows of the weight, that the columns of the strip are columns of it, and that
            // there are `R` rows of `n` sums and of `inputs` elements of `x` from `row` on; `column + width` is at most `n`.
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
                for l in 0..lines.len() {
                    let line = data.add(l * outputs + column);
                    if row == 0 {
                        fetch_all(line.wrapping_add(lines.len() * outputs), width);
                    }
                    let x: [S::f32s; R] = std::array::from_fn(
                        #[inline(always)]
                        |r| simd.splat_f32s(*x.add(r * inputs + l)),
                    );
                    // One vector at a time, used where it is made: without an instruction for it, the compiler widens an array of
                    // vectors of float16 element by element.
                    #[allow(clippy::needless_range_loop)]
                    for v in 0..V {
                        let w = T::load(simd, line.add(v * S::F32_LANES));
                        for r in 0..R {
                            total[r][v] = simd.mul_add_f32s(x[r], w, total[r][v]);
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
            let x = &self.x[(row + r) * inputs..][lines.clone()];
            for column in whole..n {
                let w = self.weight.data()[lines.start * outputs + self.columns.start + column..]
                    .iter()
                    .step_by(outputs);
                let sum = &mut self.sums[(row + r) * n + column];
                *sum = x.iter().zip(w).fold(*sum, |sum, (x, w)| x.mul_add(w.float(), sum));
            }
        }
    }
}
