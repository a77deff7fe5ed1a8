//! Products with a weight that is packed into panels on the way: transposed, or made of integers.
//!
//! The crate `gemm` packs both matrices where the second one is transposed, which takes as long as the product where there
//! are few rows. Here the first matrix is read in place, and a panel of the second one stays in the second cache while all
//! rows pass.

mod pack;
mod tile;

use std::cell::RefCell;
use std::mem::MaybeUninit;

pub use pack::{Pack, Transposed};
use pulp::{Simd, WithSimd};
use tile::{ROWS, Tile};

use crate::matrix::MatMut;
use crate::threads;

/// Columns of a task, a multiple of the width of every panel.
const COLUMNS: usize = 64;

/// Rows of a panel at most. The fewer parts there are, the less often the result is read and written again.
const DEPTH: usize = 1024;

/// Rows of the first matrix that pass all panels before the next ones do, and so stay in the second cache.
const BLOCK: usize = 16 * ROWS;

/// Elements of a cache line.
const ALIGN: usize = 16;

thread_local! {
    static PANEL: RefCell<Vec<f32>> = const { RefCell::new(vec![]) };
}

/// `x·B`, `[m, n]`, with `x` `[m, k]` and `B` `[k, n]`.
///
/// # Panics
///
/// Panics if `x` or `b` does not have the size that the shape says.
pub fn product(x: &[f32], dims: [usize; 3], b: &impl Pack) -> Vec<f32> {
    let [_, k, _] = dims;
    product_in_parts(x, dims, b, k.div_ceil(k.div_ceil(DEPTH).max(1)).max(1))
}

/// The same, summed up in parts of `depth` rows of `B`. With those of [`gemv::part`](crate::gemv::part) the result is that of
/// [`gemv::product`](crate::gemv::product), to the bit.
///
/// # Panics
///
/// Panics as [`product`] does, and if `depth` is 0.
pub fn product_in_parts(x: &[f32], [m, k, n]: [usize; 3], b: &impl Pack, depth: usize) -> Vec<f32> {
    assert!(depth > 0, "parts of some rows");
    assert_eq!(x.len(), m * k, "{m} rows of {k} elements");
    assert_eq!(b.dims(), [k, n], "shape of the second matrix");
    if k == 0 {
        return vec![0.0; m * n];
    }
    let mut out: Vec<f32> = Vec::with_capacity(m * n);
    let y = MatMut::row_major(&mut out.spare_capacity_mut()[..m * n], [m, n]);
    let height = height(m, n.div_ceil(COLUMNS));
    let columns = y.split_columns(COLUMNS).enumerate();
    let blocks = columns
        .flat_map(|(i, y)| y.split_rows(height).enumerate().map(move |(j, y)| (y, j * height, i * COLUMNS)));
    threads::for_each(blocks.collect(), |(y, row, column)| {
        PANEL.with_borrow_mut(|panel| {
            panel.resize(depth.min(k) * COLUMNS + ALIGN, 0.0);
            pulp::Arch::new().dispatch(Task { x: &x[row * k..], k, b, y, column, panel, depth });
        });
    });
    // SAFETY: the blocks cover the whole matrix, and each task has written every element of its block.
    unsafe { out.set_len(m * n) };
    out
}

/// Whether products of large matrices in rows are at least as fast as those of the crate `gemm`. They are in vectors of 256 bits, because
/// any thread takes the next panel, while `gemm` gives each thread its share in advance.
pub fn is_fast() -> bool {
    pulp::Arch::new().dispatch(Lanes) == 8
}

/// The elements of a vector.
struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

/// Rows of a task: so many that there are about four tasks per thread, and at least 16 tiles.
fn height(m: usize, panels: usize) -> usize {
    let parts = (4 * threads::count()).div_ceil(panels.max(1)).clamp(1, m.div_ceil(16 * ROWS).max(1));
    m.div_ceil(parts).next_multiple_of(ROWS)
}

/// A block of the result.
struct Task<'a, B> {
    /// The rows of the first matrix, from the first one of the block on.
    x: &'a [f32],
    k: usize,
    b: &'a B,
    y: MatMut<'a, MaybeUninit<f32>>,
    /// The first column of the block.
    column: usize,
    panel: &'a mut [f32],
    /// Rows of a panel.
    depth: usize,
}

impl<B: Pack> WithSimd for Task<'_, B> {
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

impl<B: Pack> Task<'_, B> {
    /// Writes every element of the block.
    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let Self { x, k, b, mut y, column: first, panel, depth: height } = self;
        let ([rows, columns], width) = (y.dims(), V * S::F32_LANES);
        let start = panel.as_ptr().align_offset(4 * ALIGN).min(ALIGN);
        for depth in (0..k).step_by(height) {
            let inner = depth..(depth + height).min(k);
            let size = inner.len() * width;
            let panels = &mut panel[start..];
            for (column, panel) in (0..columns).step_by(width).zip(panels.chunks_exact_mut(size)) {
                let end = (column + width).min(columns);
                b.pack(panel, width, inner.clone(), first + column..first + end);
            }
            for row in (0..rows).step_by(BLOCK) {
                let end = (row + BLOCK).min(rows);
                for (column, panel) in (0..columns).step_by(width).zip(panels.chunks_exact(size)) {
                    let tile = Tile { add: depth > 0, width: width.min(columns - column), k, panel };
                    // SAFETY: the first pass, which does not add, has written every element.
                    unsafe { tile.run_rows::<S, V>(simd, x, depth, &mut y, row..end, column) };
                }
            }
        }
    }
}
