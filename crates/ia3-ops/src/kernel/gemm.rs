//! Products with a matrix that is brought into panels by the caller: transposed, or of bytes.
//!
//! gemm does the product of two matrices that lie as they are read; where the second one is transposed it packs both, which
//! takes as long as the product where there are few rows. Here the first is read in place, and a panel of the second stays in
//! the second cache while all rows pass.

use std::cell::RefCell;
use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::parallel::Shared;

/// Columns of a task; a multiple of every panel's width.
const COLUMNS: usize = 64;

/// Rows of a panel: 64 columns of it are an eighth of a second cache of 1 MiB.
const DEPTH: usize = 512;

/// Rows of a tile: with four vectors each, their sums fill the registers.
const ROWS: usize = 6;

/// The second matrix of a product, `[k, n]`.
pub(crate) trait Panels: Sync {
    /// Writes rows `rows` of the columns `columns` to `panel`, each row `stride` after the one before; where there are fewer
    /// columns than `stride`, the rest of each row is left alone.
    fn pack(&self, panel: &mut [f32], stride: usize, rows: Range<usize>, columns: Range<usize>);
}

/// `x·B`, `[m, n]`, of `x` `[m, k]`.
pub(crate) fn product(x: &[f32], [m, k, n]: [usize; 3], b: &impl Panels) -> Vec<f32> {
    assert_eq!(x.len(), m * k, "as many values as the shape says");
    let mut out: Vec<f32> = Vec::with_capacity(m * n);
    if k == 0 {
        out.resize(m * n, 0.0);
    }
    let y = Shared(out.as_mut_ptr());
    let panels = n.div_ceil(COLUMNS);
    let parts =
        (4 * rayon::current_num_threads()).div_ceil(panels.max(1)).clamp(1, m.div_ceil(16 * ROWS).max(1));
    let height = m.div_ceil(parts).next_multiple_of(ROWS);
    let parts = m.div_ceil(height.max(1));
    (0..panels * parts).into_par_iter().for_each(|task| {
        let (panel, part) = (task / parts, task % parts);
        let columns = panel * COLUMNS..((panel + 1) * COLUMNS).min(n);
        let rows = part * height..((part + 1) * height).min(m);
        PANEL.with_borrow_mut(|panel| {
            panel.resize(DEPTH.min(k) * COLUMNS + ALIGN, 0.0);
            pulp::Arch::new().dispatch(Task { x, k, n, b, y, rows, columns, panel });
        });
    });
    // SAFETY: the tasks have written every element.
    unsafe { out.set_len(m * n) };
    out
}

/// Elements of a cache line.
const ALIGN: usize = 16;

thread_local! {
    static PANEL: RefCell<Vec<f32>> = const { RefCell::new(vec![]) };
}

struct Task<'a, B> {
    x: &'a [f32],
    k: usize,
    n: usize,
    b: &'a B,
    y: Shared<f32>,
    rows: Range<usize>,
    columns: Range<usize>,
    panel: &'a mut [f32],
}

impl<B: Panels> WithSimd for Task<'_, B> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // As many vectors as the registers have room for: 32 of them, or the 16 of AVX2.
        match S::F32_LANES {
            8 => self.run::<S, 2>(simd),
            _ => self.run::<S, 4>(simd),
        }
    }
}

impl<B: Panels> Task<'_, B> {
    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let width = V * S::F32_LANES;
        let start = self.panel.as_ptr().align_offset(4 * ALIGN).min(ALIGN);
        for depth in (0..self.k).step_by(DEPTH) {
            let inner = depth..(depth + DEPTH).min(self.k);
            for column in self.columns.clone().step_by(width) {
                let columns = column..(column + width).min(self.columns.end);
                let panel = &mut self.panel[start..start + inner.len() * width];
                self.b.pack(panel, width, inner.clone(), columns.clone());
                let tile = Tile { add: depth > 0, stride: self.n, width: columns.len(), k: self.k, panel };
                for row in self.rows.clone().step_by(ROWS) {
                    let x = &self.x[row * self.k..];
                    // SAFETY: the tile lies in the rows and columns of this task, which nobody else writes.
                    unsafe {
                        let y = self.y.at(row * self.n + column);
                        match self.rows.end - row {
                            1 => tile.run::<S, 1, V>(simd, x, inner.start, y),
                            2 => tile.run::<S, 2, V>(simd, x, inner.start, y),
                            3 => tile.run::<S, 3, V>(simd, x, inner.start, y),
                            4 => tile.run::<S, 4, V>(simd, x, inner.start, y),
                            5 => tile.run::<S, 5, V>(simd, x, inner.start, y),
                            _ => tile.run::<S, ROWS, V>(simd, x, inner.start, y),
                        }
                    }
                }
            }
        }
    }
}

struct Tile<'a> {
    /// Whether the result is added to what is there.
    add: bool,
    /// From one row of the result to the next.
    stride: usize,
    /// Columns that are real.
    width: usize,
    /// From one row of `x` to the next.
    k: usize,
    panel: &'a [f32],
}

impl Tile<'_> {
    /// `R` rows of the result at `y` from those of `x`, of which the columns from `from` on meet the panel.
    #[inline(always)]
    unsafe fn run<S: Simd, const R: usize, const V: usize>(
        &self,
        simd: S,
        x: &[f32],
        from: usize,
        y: *mut f32,
    ) {
        let depth = self.panel.len() / (V * S::F32_LANES);
        assert!(x.len() >= (R - 1) * self.k + from + depth, "rows of x");
        let (x, panel) = (unsafe { x.as_ptr().add(from) }, self.panel.as_ptr().cast::<S::f32s>());
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        for p in 0..depth {
            let mut b = [simd.splat_f32s(0.0); V];
            for (v, b) in b.iter_mut().enumerate() {
                // SAFETY: the panel has `depth` rows of `V` vectors.
                *b = unsafe { panel.add(p * V + v).read_unaligned() };
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                // SAFETY: checked above.
                let a = simd.splat_f32s(unsafe { *x.add(r * self.k + p) });
                for v in 0..V {
                    sums[v] = simd.mul_add_f32s(a, b[v], sums[v]);
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            unsafe { self.write::<S, V>(simd, sums, y.add(r * self.stride)) };
        }
    }

    #[inline(always)]
    unsafe fn write<S: Simd, const V: usize>(&self, simd: S, sums: &[S::f32s; V], y: *mut f32) {
        if self.width == V * S::F32_LANES {
            for (v, sum) in sums.iter().enumerate() {
                let y = unsafe { y.cast::<S::f32s>().add(v) };
                let sum = if self.add { simd.add_f32s(unsafe { y.read_unaligned() }, *sum) } else { *sum };
                unsafe { y.write_unaligned(sum) };
            }
            return;
        }
        let sums: &[f32] = pulp::bytemuck::cast_slice(sums);
        for (i, sum) in sums[..self.width].iter().enumerate() {
            unsafe {
                let y = y.add(i);
                y.write(if self.add { *y + sum } else { *sum });
            }
        }
    }
}
