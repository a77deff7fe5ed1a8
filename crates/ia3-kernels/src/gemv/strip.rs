//! Some columns of the product of a few rows and a weight.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::fetch;
use crate::weight::{Element, Weight, load};

/// Rows of the weight that are summed up in registers, if no scales say how many.
const LINES: usize = 32;

/// Vectors of sums that stay in registers.
pub(super) const VECTORS: usize = 4;

/// Rows of `x` that share what is read of the weight.
const ROWS: usize = 4;

/// Some columns of all rows of the product.
pub(super) struct Strip<'a, T> {
    /// `[rows, inputs]`
    pub(super) x: &'a [f32],
    pub(super) weight: Weight<'a, T>,
    /// The first of the columns.
    pub(super) first: usize,
    /// `[rows, columns]`
    pub(super) sums: &'a mut [f32],
    pub(super) rows: usize,
}

impl<T: Element> WithSimd for Strip<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (n, width) = (self.sums.len() / self.rows, VECTORS * S::F32_LANES);
        let (whole, inputs) = (n - n % width, self.weight.dims()[0]);
        let block = self.weight.scales().map_or(LINES, |scales| scales.block);
        for from in (0..inputs).step_by(block) {
            let lines = from..(from + block).min(inputs);
            for column in (0..whole).step_by(width) {
                let mut row = 0;
                while row + ROWS <= self.rows {
                    self.tile::<S, ROWS>(simd, lines.clone(), row, column);
                    row += ROWS;
                }
                for row in row..self.rows {
                    self.tile::<S, 1>(simd, lines.clone(), row, column);
                }
            }
            for column in whole..n {
                self.column(lines.clone(), column);
            }
        }
    }
}

impl<T: Element> Strip<'_, T> {
    /// Adds the products with some rows of the weight, the `lines`, to `R` rows of as many columns as [`VECTORS`] vectors hold.
    #[inline(always)]
    fn tile<S: Simd, const R: usize>(&mut self, simd: S, lines: Range<usize>, row: usize, column: usize) {
        let [inputs, outputs] = self.weight.dims();
        let (n, first) = (self.sums.len() / self.rows, self.first + column);
        let (width, data) = (VECTORS * S::F32_LANES, self.weight.data());
        assert!(
            lines.start < lines.end
                && (lines.end - 1) * outputs + first + width <= data.len()
                && (row + R - 1) * inputs + lines.end <= self.x.len()
                && (row + R - 1) * n + column + width <= self.sums.len()
        );
        let block = lines.len() * outputs;
        let mut total = [[simd.splat_f32s(0.0); VECTORS]; R];
        for line in lines.clone() {
            // SAFETY: `width` elements from here on lie inside `data`, which is asserted for the last line.
            let data = unsafe { data.as_ptr().add(line * outputs + first) };
            if row == 0 {
                fetch(data.wrapping_add(block), width);
            }
            let w: [S::f32s; VECTORS] = std::array::from_fn(
                #[inline(always)]
                // SAFETY: as above; the vectors hold `width` elements together.
                |v| unsafe { load::<S, T>(simd, data.add(v * S::F32_LANES)) },
            );
            for (r, total) in total.iter_mut().enumerate() {
                // SAFETY: it is asserted that the last line of the last row lies inside `x`.
                let x = simd.splat_f32s(unsafe { *self.x.get_unchecked((row + r) * inputs + line) });
                for v in 0..VECTORS {
                    total[v] = simd.mul_add_f32s(x, w[v], total[v]);
                }
            }
        }
        let scales = self.weight.scales_of(&lines, first..first + width);
        for (r, total) in total.into_iter().enumerate() {
            for (v, total) in total.into_iter().enumerate() {
                let at = (row + r) * n + column + v * S::F32_LANES;
                // SAFETY: it is asserted that the last vector of the last row lies inside `sums`; there are `width`
                // scales, as many as the vectors hold together.
                unsafe {
                    let sum = self.sums.as_mut_ptr().add(at).cast::<S::f32s>();
                    let so_far = sum.read_unaligned();
                    sum.write_unaligned(match scales {
                        None => simd.add_f32s(so_far, total),
                        Some(scales) => {
                            let scale = scales.as_ptr().add(v * S::F32_LANES).cast::<S::f32s>();
                            simd.mul_add_f32s(total, scale.read_unaligned(), so_far)
                        }
                    });
                }
            }
        }
    }

    /// The same for one column and all rows.
    fn column(&mut self, lines: Range<usize>, column: usize) {
        let [inputs, outputs] = self.weight.dims();
        let (n, first) = (self.sums.len() / self.rows, self.first + column);
        let scale = self.weight.scales_of(&lines, first..first + 1).map_or(1.0, |scales| scales[0]);
        for row in 0..self.rows {
            let x = &self.x[row * inputs..][lines.clone()];
            let w = self.weight.data()[lines.start * outputs + first..].iter().step_by(outputs);
            let total: f32 = x.iter().zip(w).map(|(x, w)| x * w.float()).sum();
            self.sums[row * n + column] += total * scale;
        }
    }
}
