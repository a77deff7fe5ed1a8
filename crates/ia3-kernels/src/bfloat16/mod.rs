//! Many rows times a matrix in bfloat16, by the instructions that processors have for it.
//!
//! A row of float32 is the exact sum of three rows of bfloat16, and the product of two numbers in bfloat16 is exact in
//! float32. So three products in bfloat16 with sums in float32 are one product in float32, but for the order of its sums. AMX
//! computes products in bfloat16 about six times as fast as vectors of float32, so this takes half of the time.

#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
mod amx;
mod operands;
mod pack;
mod panels;
mod plain;
mod split;
mod tiles;
#[cfg(target_arch = "x86_64")]
mod vectors;

use std::mem::MaybeUninit;

use half::bf16;

use crate::matrix::MatMut;
use crate::threads;
use pack::Packer;
use panels::Block;
pub use split::Parts;
use split::Split;
use tiles::Tiles;

/// Rows and columns of the result that are computed at once.
const BLOCK: usize = 32;

/// Inputs that are multiplied at once.
const DEPTH: usize = 32;

/// Elements of a block of `x`, and of a block of the weight.
const SIZE: usize = BLOCK * DEPTH;

/// Rows that are split at once.
const ROWS: usize = if cfg!(miri) { BLOCK } else { 512 };

/// Rows that meet all columns of a task before the next ones do, so that they stay in the second cache.
const BAND: usize = 4 * BLOCK;

/// Blocks along the inputs that are summed before the result is written.
const STEPS: usize = if cfg!(miri) { 1 } else { 32 };

/// Columns of a task at most: with as many inputs as are summed at once, they fill an eighth of a second cache of 2 MiB.
const COLUMNS: usize = 4 * BLOCK;

/// A matrix `[k, n]` in bfloat16.
#[derive(Clone, Copy, Debug)]
pub enum Matrix<'a> {
    /// Row after row.
    Rows(&'a [bf16]),
    /// Column after column.
    Columns(&'a [bf16]),
}

/// Whether this machine computes products of so many parts faster by instructions for bfloat16 than in float32.
pub fn is_fast(parts: Parts) -> bool {
    Tiles::best(parts).is_some()
}

/// `x·W`, `[m, n]`, with `x` `[m, k]` as float32, and a weight `[k, n]`.
///
/// With [`Parts::Three`], `x` is multiplied as it is, unless it is smaller than 2⁻¹⁰² or so, whose last bits are lost. With
/// [`Parts::One`], it has to be in bfloat16 already: what else it holds is cut off. The sums are float32, and each is added up in the
/// order of the inputs, whatever the number of rows and threads. A weight that is infinite may give NaN instead of an infinite
/// number, and subnormal numbers count as zero.
///
/// # Panics
///
/// Panics if `x` or `weight` does not have the size that the shape says.
pub fn product(x: &[f32], [m, k, n]: [usize; 3], weight: Matrix, parts: Parts) -> Vec<f32> {
    let tiles = Tiles::best(parts).unwrap_or(Tiles::PLAIN);
    product_by(tiles, x, [m, k, n], weight, parts)
}

fn product_by(tiles: Tiles, x: &[f32], [m, k, n]: [usize; 3], weight: Matrix, parts: Parts) -> Vec<f32> {
    let (Matrix::Rows(data) | Matrix::Columns(data)) = weight;
    assert_eq!([x.len(), data.len()], [m * k, k * n], "{m} rows of {k} elements and a weight [{k}, {n}]");
    if m * k * n == 0 {
        return vec![0.0; m * n];
    }
    let mut out: Vec<f32> = Vec::with_capacity(m * n);
    let y = MatMut::row_major(&mut out.spare_capacity_mut()[..m * n], [m, n]);
    for (x, y) in x.chunks(ROWS * k).zip(y.split_rows(ROWS)) {
        split::with(x, k, parts, |x| rows(tiles, x, &Packer { weight, k, n }, y));
    }
    // SAFETY: every element of all rows has been written.
    unsafe { out.set_len(m * n) };
    out
}

/// Writes some rows of the product.
fn rows(tiles: Tiles, x: &Split, weight: &Packer, y: MatMut<MaybeUninit<f32>>) {
    let share = weight.n.div_ceil(BLOCK).div_ceil(2 * threads::count());
    let width = (share * BLOCK).min(COLUMNS);
    let columns = y.split_columns(width).enumerate();
    threads::for_each(columns.collect(), |(i, y)| task(tiles, x, weight, y, i * width));
}

/// Writes the columns from `first` on.
fn task(tiles: Tiles, x: &Split, weight: &Packer, mut y: MatMut<MaybeUninit<f32>>, first: usize) {
    let [rows, columns] = y.dims();
    for from in (0..x.steps).step_by(STEPS) {
        let steps = from..(from + STEPS).min(x.steps);
        panels::with(weight, steps.clone(), first..first + columns, |panels| {
            tiles.configured(|| {
                for band in (0..rows).step_by(BAND) {
                    for column in (0..columns).step_by(BLOCK) {
                        for row in (band..rows.min(band + BAND)).step_by(BLOCK) {
                            let block = Block { x, panels, row, column, steps: steps.clone() };
                            // SAFETY: the first steps, which write, have come before the others, which add.
                            unsafe { block.run(tiles, &mut y) };
                        }
                    }
                }
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(n: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..n).map(|_| next()).collect()
    }

    fn transposed(data: &[bf16], [k, n]: [usize; 2]) -> Vec<bf16> {
        (0..k * n).map(|at| data[at % k * n + at / k]).collect()
    }

    /// The largest difference from float64, in relation to the largest sum of the magnitudes of a row's terms.
    fn error(got: &[f32], x: &[f32], [m, k, n]: [usize; 3], w: &[bf16]) -> f64 {
        let mut worst: f64 = 0.0;
        for at in 0..m * n {
            let terms = (0..k).map(|i| f64::from(x[at / n * k + i]) * w[i * n + at % n].to_f64());
            let (sum, size) = terms.fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()));
            worst = worst.max((f64::from(got[at]) - sum).abs() / size.max(f64::MIN_POSITIVE));
        }
        worst
    }

    const SHAPES: [[usize; 3]; 6] =
        [[1, 1, 1], [9, 33, 17], [32, 32, 32], [33, 70, 65], [50, 1100, 40], [130, 64, 129]];

    #[test]
    #[cfg_attr(miri, ignore = "millions of products")]
    fn every_set_of_instructions_is_exact_to_float32() {
        for [m, k, n] in SHAPES {
            let x = values(m * k, 3);
            let w: Vec<bf16> = values(k * n, 5).into_iter().map(bf16::from_f32).collect();
            let turned = transposed(&w, [k, n]);
            for tiles in Tiles::available() {
                let got = product_by(tiles, &x, [m, k, n], Matrix::Rows(&w), Parts::Three);
                let off = error(&got, &x, [m, k, n], &w);
                assert!(off < 1e-6, "{tiles:?} {m}x{k}x{n}: {off:e}");
                let columns = product_by(tiles, &x, [m, k, n], Matrix::Columns(&turned), Parts::Three);
                assert_eq!(got, columns, "{tiles:?} {m}x{k}x{n}");
                let halves: Vec<f32> = x.iter().map(|x| bf16::from_f32(*x).to_f32()).collect();
                let got = product_by(tiles, &halves, [m, k, n], Matrix::Rows(&w), Parts::One);
                let off = error(&got, &halves, [m, k, n], &w);
                assert!(off < 1e-6, "{tiles:?} {m}x{k}x{n} of bfloat16: {off:e}");
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "many rows")]
    fn a_row_has_the_same_bits_whatever_is_beside_it() {
        let [m, k, n] = [75, 1100, 48];
        let (x, w) = (values(m * k, 7), values(k * n, 11));
        let w: Vec<bf16> = w.into_iter().map(bf16::from_f32).collect();
        for tiles in Tiles::available() {
            let all = product_by(tiles, &x, [m, k, n], Matrix::Rows(&w), Parts::Three);
            for row in [0, 16, 40, 74] {
                let x = &x[row * k..][..k];
                let alone = product_by(tiles, x, [1, k, n], Matrix::Rows(&w), Parts::Three);
                assert_eq!(alone, all[row * n..][..n], "{tiles:?} row {row}");
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "as many products as the blocks hold")]
    fn infinite_and_missing_numbers_reach_their_rows_only() {
        let mut x = vec![1.0; 3 * 40];
        (x[5], x[45]) = (f32::INFINITY, f32::NAN);
        let w = vec![bf16::ONE; 40 * 2];
        for tiles in Tiles::available() {
            let y = product_by(tiles, &x, [3, 40, 2], Matrix::Rows(&w), Parts::Three);
            assert_eq!(y[..2], [f32::INFINITY; 2], "{tiles:?}");
            assert!(y[2].is_nan() && y[3].is_nan(), "{tiles:?}");
            assert_eq!(y[4..], [40.0; 2], "{tiles:?}");
        }
    }
}
