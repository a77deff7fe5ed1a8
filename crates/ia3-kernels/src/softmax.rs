//! Softmax of rows.

use crate::exp::exp;
use crate::parallel::{assert_rows, update_rows};
use crate::reduce::{max, sum};
use crate::simd::vectorised;
use crate::threads::{for_each, rows_per_task};

/// Replaces each row of `width` scores by its softmax.
///
/// # Panics
///
/// Panics if `x` does not consist of such rows.
pub fn rows(x: &mut [f32], width: usize) {
    update_rows(
        x,
        width,
        #[inline(always)]
        |_, row| {
            row_in_place(row);
        },
    );
}

/// Replaces a row by its softmax and returns the largest score and the inverse of `Σ e^{x − max}`.
#[inline(always)]
pub(crate) fn row_in_place(row: &mut [f32]) -> [f32; 2] {
    let most = max(row);
    row.iter_mut().for_each(
        #[inline(always)]
        |x| *x = exp(*x - most),
    );
    let inverse = 1.0 / sum([row], |[x]| x);
    row.iter_mut().for_each(|x| *x *= inverse);
    [most, inverse]
}

/// Replaces the gradient `g` of rows of a softmax `y` by the gradient of the scores, `y·(g − Σ g·y)`.
///
/// # Panics
///
/// Panics if `g` and `y` differ in length or do not consist of rows of `width` elements.
pub fn gradient(g: &mut [f32], y: &[f32], width: usize) {
    assert_eq!(g.len(), y.len(), "a gradient for each weight");
    assert_rows(g.len(), width);
    if g.is_empty() {
        return;
    }
    let task = |(g, y): (&mut [f32], &[f32])| {
        vectorised(
            #[inline(always)]
            || {
                for (g, y) in g.chunks_exact_mut(width).zip(y.chunks_exact(width)) {
                    let dot = sum([g, y], |[g, y]| g * y);
                    g.iter_mut().zip(y).for_each(|(g, y)| *g = (*g - dot) * y);
                }
            },
        )
    };
    let chunk = width * rows_per_task(width);
    if g.len() <= chunk {
        return task((g, y));
    }
    for_each(g.chunks_mut(chunk).zip(y.chunks(chunk)).collect(), task);
}
