//! A few rows times the rows of a large matrix.

use pulp::{Simd, WithSimd};

use crate::fetch::fetch;
use crate::parallel::columns;
use crate::threads::STREAM;
use crate::weight::Element;

/// Rows of either side whose products are summed at once: their sums fill half of the registers, and each value that is
/// read serves four products.
const SIDE: usize = 4;

/// `x·wᵀ`, `[rows, n]`, with `x` `[rows, width]` and `w` `[n, width]`. Each row of `w` is read from memory once.
///
/// # Panics
///
/// Panics if `x` or `w` does not hold as many elements as its shape says.
pub fn product<T: Element>(x: &[f32], w: &[T], [rows, width, n]: [usize; 3]) -> Vec<f32> {
    assert_eq!([x.len(), w.len()], [rows * width, n * width], "{rows} and {n} rows of {width} elements");
    if width == 0 {
        return vec![0.0; rows * n];
    }
    columns([rows, n], (STREAM / width).next_multiple_of(SIDE).max(SIDE), |start, out| {
        let block = out.len() / rows;
        let w = &w[start * width..][..block * width];
        pulp::Arch::new().dispatch(Dots { x, w, width, out });
    })
}

struct Dots<'a, T> {
    x: &'a [f32],
    w: &'a [T],
    width: usize,
    /// `[rows of x, rows of w]`
    out: &'a mut [f32],
}

impl<T: Element> WithSimd for Dots<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { x, w, width, out } = self;
        let (rows, n) = (x.len() / width, w.len() / width);
        for j in (0..n).step_by(SIDE) {
            let w = &w[j * width..(j + SIDE).min(n) * width];
            for i in (0..rows).step_by(SIDE) {
                let x = &x[i * width..(i + SIDE).min(rows) * width];
                let out = &mut out[i * n + j..];
                match (x.len() / width, w.len() / width) {
                    (SIDE, SIDE) => square::<S, T, SIDE, SIDE>(simd, x, w, width, (out, n)),
                    // One row of `x` takes one row of `w` at a time: the machine fetches a single stream ahead by itself.
                    (rows, SIDE) if rows > 1 => {
                        for (i, x) in x.chunks_exact(width).enumerate() {
                            square::<S, T, 1, SIDE>(simd, x, w, width, (&mut out[i * n..], n));
                        }
                    }
                    _ => {
                        for (i, x) in x.chunks_exact(width).enumerate() {
                            for (j, w) in w.chunks_exact(width).enumerate() {
                                square::<S, T, 1, 1>(simd, x, w, width, (&mut out[i * n + j..], n));
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The products of `A` rows of `x` with `B` rows of `w`. Rows of the result lie `n` elements apart in `out`.
#[inline(always)]
fn square<S: Simd, T: Element, const A: usize, const B: usize>(
    simd: S,
    x: &[f32],
    w: &[T],
    width: usize,
    (out, n): (&mut [f32], usize),
) {
    assert!(x.len() >= A * width && w.len() >= B * width);
    let whole = width - width % S::F32_LANES;
    let mut sums = [[simd.splat_f32s(0.0); B]; A];
    for at in (0..whole).step_by(S::F32_LANES) {
        if B > 1 && at.is_multiple_of(64 / size_of::<T>()) {
            for j in 0..B {
                fetch(w.as_ptr().wrapping_add((B + j) * width + at));
            }
        }
        let mut of_w = [simd.splat_f32s(0.0); B];
        for (j, of_w) in of_w.iter_mut().enumerate() {
            // SAFETY: a vector from `at` on ends within each of the `B` rows, whose elements are asserted to be there.
            *of_w = unsafe { T::load(simd, w.as_ptr().add(j * width + at)) };
        }
        for (i, sums) in sums.iter_mut().enumerate() {
            // SAFETY: a vector from `at` on ends within each of the `A` rows, whose elements are asserted to be there.
            let x = unsafe { x.as_ptr().add(i * width + at).cast::<S::f32s>().read_unaligned() };
            for j in 0..B {
                sums[j] = simd.mul_add_f32s(x, of_w[j], sums[j]);
            }
        }
    }
    for (i, sums) in sums.into_iter().enumerate() {
        for (j, sum) in sums.into_iter().enumerate() {
            let rest = (whole..width).map(|k| x[i * width + k] * w[j * width + k].float()).sum::<f32>();
            out[i * n + j] = simd.reduce_sum_f32s(sum) + rest;
        }
    }
}
