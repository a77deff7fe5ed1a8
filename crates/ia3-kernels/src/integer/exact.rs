//! A few rows times a weight of integers in float32: the integers are widened in registers.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::fetch::{fetch, soon};
use super::{Line, Lines, Nibbles};
use crate::parallel::columns;
use crate::weight::{Scales, Weight};

/// Lines of the weight that are read together.
const LINES: usize = 8;

/// Vectors of columns between two requests for the lines that follow.
const VECTORS: usize = 4;

/// Rows of `x` that share what is read of the weight.
const ROWS: usize = 4;

/// Columns of a task at most: the sums of [`ROWS`] rows stay in the first cache.
const STRIP: usize = 1024;

/// `x·W`, `[rows, outputs]`, with `x` `[rows, inputs]`. The order of summation does not depend on the number of threads.
///
/// # Panics
///
/// Panics if `x` does not hold as many elements as the shapes say, or if the weight has no scales.
pub fn product_exact(x: &[f32], rows: usize, weight: Weight<i8>) -> Vec<f32> {
    multiply(x, rows, weight)
}

/// The same with a weight of four bits. The result has the bits of the product with a weight of the same integers in bytes.
///
/// # Panics
///
/// Panics if `x` does not hold as many elements as the shapes say.
pub fn product_exact_nibbles(x: &[f32], rows: usize, weight: Nibbles) -> Vec<f32> {
    multiply(x, rows, weight)
}

fn multiply(x: &[f32], rows: usize, weight: impl Lines + Copy) -> Vec<f32> {
    let [inputs, outputs] = weight.shape();
    assert_eq!(x.len(), rows * inputs, "{rows} rows of {inputs} elements");
    columns([rows, outputs], super::width(inputs * outputs, outputs, STRIP), |first, out| {
        let mut totals = vec![0.0; ROWS.min(rows) * (out.len() / rows)];
        pulp::Arch::new().dispatch(Strip { x, rows, weight, first, out, totals: &mut totals });
    })
}

/// Some columns of all rows of the product.
struct Strip<'a, W> {
    x: &'a [f32],
    rows: usize,
    weight: W,
    /// The first of the columns.
    first: usize,
    /// `[rows, columns]`
    out: &'a mut [f32],
    /// The sums of one block of inputs, for up to [`ROWS`] rows.
    totals: &'a mut [f32],
}

impl<W: Lines> WithSimd for Strip<'_, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let [inputs, _] = self.weight.shape();
        for block in 0..inputs / self.weight.factors().block {
            let mut row = 0;
            while row + ROWS <= self.rows {
                self.block::<S, ROWS>(simd, block, row);
                row += ROWS;
            }
            for row in row..self.rows {
                self.block::<S, 1>(simd, block, row);
            }
        }
    }
}

impl<W: Lines> Strip<'_, W> {
    /// Adds the products with one block of inputs to `R` rows of the result.
    #[inline(always)]
    fn block<S: Simd, const R: usize>(&mut self, simd: S, block: usize, row: usize) {
        let (columns, lines) = (self.out.len() / self.rows, self.weight.factors().block);
        let step = VECTORS * S::F32_LANES;
        let (whole, groups) = (columns - columns % step, lines.div_ceil(LINES));
        for group in 0..groups {
            self.group::<S, R>(simd, block * lines..(block + 1) * lines, [group, groups], row, whole);
        }
        for column in whole..columns {
            self.column(block, row..row + R, column);
        }
        let Scales { values, .. } = self.weight.factors();
        let scales = &values[block * self.weight.shape()[1] + self.first..][..columns];
        for r in 0..R {
            let totals = &self.totals[r * columns..][..whole];
            let out = &mut self.out[(row + r) * columns..][..whole];
            for ((out, total), scale) in out.iter_mut().zip(totals).zip(scales) {
                *out += total * scale;
            }
        }
    }

    /// Adds the products with every `groups`th line of a block, from line `group` on, to the totals of `R` rows. The lines of
    /// a group lie far apart, and each is followed by one of the next group: so the machine reads several streams at once,
    /// which is faster than one.
    #[inline(always)]
    fn group<S: Simd, const R: usize>(
        &mut self,
        simd: S,
        lines: Range<usize>,
        [group, groups]: [usize; 2],
        row: usize,
        whole: usize,
    ) {
        let ([inputs, _], columns) = (self.weight.shape(), self.out.len() / self.rows);
        assert!(
            lines.end <= inputs
                && whole <= columns
                && R * columns <= self.totals.len()
                && (row + R) * inputs <= self.x.len()
        );
        // Lines that are not there are multiplied by zero; they are read from the place of the first one.
        let line = |i: usize| Some(lines.start + group + i * groups).filter(|line| *line < lines.end);
        let from: [Line; LINES] = std::array::from_fn(
            #[inline(always)]
            |i| {
                let Line { bytes, shift } = self.weight.line(line(i).unwrap_or(lines.start + group));
                Line { bytes: &bytes[self.first..][..whole], shift }
            },
        );
        let x: [[S::f32s; LINES]; R] = std::array::from_fn(
            #[inline(always)]
            |r| {
                std::array::from_fn(
                    #[inline(always)]
                    |i| simd.splat_f32s(line(i).map_or(0.0, |line| self.x[(row + r) * inputs + line])),
                )
            },
        );
        // The lines of the next group, or of the first group of the next block, as a distance from those of this one.
        let next = if group + 1 == groups { lines.end } else { lines.start + group + 1 };
        let ahead = match next < inputs {
            true => {
                self.weight.line(next).bytes[self.first..].as_ptr().addr() - from[0].bytes.as_ptr().addr()
            }
            false => 0,
        };
        for column in (0..whole).step_by(S::F32_LANES) {
            if row == 0 && column % (VECTORS * S::F32_LANES) == 0 {
                let at = soon(column, whole, ahead);
                from.iter().for_each(|from| fetch(from.bytes.as_ptr().wrapping_add(at)));
            }
            let mut w = [simd.splat_f32s(0.0); LINES];
            for (w, from) in w.iter_mut().zip(from) {
                // SAFETY: the slice has `whole` bytes, a multiple of the lanes, and `column` is a multiple of them below it.
                *w = unsafe { widen::<S, W>(simd, from.bytes.as_ptr().add(column), from.shift) };
            }
            for (r, x) in x.iter().enumerate() {
                // SAFETY: the totals have `R` rows of `columns` elements, which is asserted above, and `whole` is no more.
                let at = unsafe { self.totals.as_mut_ptr().add(r * columns + column).cast::<S::f32s>() };
                let mut total = match group {
                    0 => simd.splat_f32s(0.0),
                    // SAFETY: as above; the first group has written it.
                    _ => unsafe { at.read_unaligned() },
                };
                for (x, w) in x.iter().zip(w) {
                    total = simd.mul_add_f32s(*x, w, total);
                }
                // SAFETY: as above.
                unsafe { at.write_unaligned(total) };
            }
        }
    }

    /// The whole of one block for one column of some rows.
    fn column(&mut self, block: usize, rows: Range<usize>, column: usize) {
        let ([inputs, outputs], columns) = (self.weight.shape(), self.out.len() / self.rows);
        let (Scales { values, block: lines }, at) = (self.weight.factors(), self.first + column);
        let (start, scale) = (block * lines, values[block * outputs + at]);
        for row in rows {
            let x = &self.x[row * inputs + start..][..lines];
            let w = (start..start + lines).map(|input| {
                let Line { bytes, shift } = self.weight.line(input);
                f32::from(W::integer(bytes[at], shift))
            });
            let total: f32 = x.iter().zip(w).map(|(x, w)| x * w).sum();
            self.out[row * columns + column] += total * scale;
        }
    }
}

/// The integers in as many bytes from `from` on as a vector has lanes.
///
/// # Safety
///
/// There must be as many.
#[inline(always)]
unsafe fn widen<S: Simd, W: Lines>(simd: S, from: *const u8, shift: u32) -> S::f32s {
    let mut vector = simd.splat_f32s(0.0);
    let to = (&raw mut vector).cast::<f32>();
    for i in 0..S::F32_LANES {
        // SAFETY: `vector` has as many lanes, and the caller promises as many bytes.
        unsafe { to.add(i).write(f32::from(W::integer(*from.add(i), shift))) };
    }
    vector
}
