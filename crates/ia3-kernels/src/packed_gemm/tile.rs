//! A tile of a product, whose sums stay in registers.

use std::mem::MaybeUninit;
use std::ops::Range;

use pulp::Simd;

use crate::matrix::MatMut;

/// Rows of a tile: with four vectors each, their sums fill the registers.
pub(super) const ROWS: usize = 6;

/// What the tiles of one panel have in common.
pub(super) struct Tile<'a> {
    /// Whether the product is added to what `y` holds.
    pub(super) add: bool,
    /// Columns of the panel that are real.
    pub(super) width: usize,
    /// Elements from one row of `x` to the next.
    pub(super) k: usize,
    /// Rows of `V` vectors.
    pub(super) panel: &'a [f32],
}

impl Tile<'_> {
    /// The product of some rows of `x` from element `depth` on with the panel, written or added to those rows of `y` from
    /// `column` on.
    ///
    /// # Safety
    ///
    /// If the product is added, those elements of `y` must be initialised.
    #[inline(always)]
    pub(super) unsafe fn run_rows<S: Simd, const V: usize>(
        &self,
        simd: S,
        x: &[f32],
        depth: usize,
        y: &mut MatMut<MaybeUninit<f32>>,
        rows: Range<usize>,
        column: usize,
    ) {
        for row in rows.clone().step_by(ROWS) {
            let (x, y) = (&x[row * self.k + depth..], y.from(row, column));
            // SAFETY: the caller answers for the elements of `y`.
            unsafe {
                match rows.end - row {
                    1 => self.run::<S, 1, V>(simd, x, y),
                    2 => self.run::<S, 2, V>(simd, x, y),
                    3 => self.run::<S, 3, V>(simd, x, y),
                    4 => self.run::<S, 4, V>(simd, x, y),
                    5 => self.run::<S, 5, V>(simd, x, y),
                    _ => self.run::<S, ROWS, V>(simd, x, y),
                }
            }
        }
    }

    /// The product of `R` rows of `x` with the panel, written or added to the first `R` rows of `y`.
    ///
    /// # Safety
    ///
    /// If the product is added, those elements of `y` must be initialised.
    #[inline(always)]
    unsafe fn run<S: Simd, const R: usize, const V: usize>(
        &self,
        simd: S,
        x: &[f32],
        mut y: MatMut<MaybeUninit<f32>>,
    ) {
        let depth = self.panel.len() / (V * S::F32_LANES);
        let [rows, columns] = y.dims();
        assert!(x.len() >= (R - 1) * self.k + depth && rows >= R && columns >= self.width);
        let (x, panel) = (x.as_ptr(), self.panel.as_ptr().cast::<S::f32s>());
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        for p in 0..depth {
            let mut b = [simd.splat_f32s(0.0); V];
            for (v, b) in b.iter_mut().enumerate() {
                // SAFETY: the panel has `depth` rows of `V` vectors.
                *b = unsafe { panel.add(p * V + v).read_unaligned() };
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                // SAFETY: it is asserted that `depth` elements of the last row lie inside `x`.
                let a = simd.splat_f32s(unsafe { *x.add(r * self.k + p) });
                for v in 0..V {
                    sums[v] = simd.mul_add_f32s(a, b[v], sums[v]);
                }
            }
        }
        let (y, stride) = (y.as_mut_ptr().cast::<f32>(), y.stride());
        for (r, sums) in sums.iter().enumerate() {
            // SAFETY: it is asserted that `y` has `R` rows of `width` elements; the caller answers for what they hold.
            unsafe { self.write::<S, V>(simd, sums, y.add(r * stride)) };
        }
    }

    /// # Safety
    ///
    /// `y` must point to `width` elements that may be written, and that are initialised if the sums are added to them.
    #[inline(always)]
    unsafe fn write<S: Simd, const V: usize>(&self, simd: S, sums: &[S::f32s; V], y: *mut f32) {
        if self.width == V * S::F32_LANES {
            for (v, sum) in sums.iter().enumerate() {
                // SAFETY: `V` vectors hold `width` elements, for which the caller answers.
                unsafe {
                    let y = y.cast::<S::f32s>().add(v);
                    y.write_unaligned(if self.add { simd.add_f32s(y.read_unaligned(), *sum) } else { *sum });
                }
            }
            return;
        }
        let sums: &[f32] = pulp::bytemuck::cast_slice(sums);
        for (i, sum) in sums[..self.width].iter().enumerate() {
            // SAFETY: the element is one of `width`, for which the caller answers.
            unsafe {
                let y = y.add(i);
                y.write(if self.add { *y + sum } else { *sum });
            }
        }
    }
}
