//! Softmax of rows.

use rayon::prelude::*;

use super::exp::exp;
use super::parallel::{rows_per_task, update_rows};
use super::{max, sum, vectorised};

/// Turns each row of `width` scores into its softmax.
pub(crate) fn rows(x: &mut [f32], width: usize) {
    update_rows(
        x,
        width,
        #[inline(always)]
        |_, row| {
            row_in_place(row);
        },
    );
}

/// Turns a row into its softmax and returns its largest score and the inverse of `Σ e^{x − max}`.
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

/// From rows of a softmax `y` and of its gradient `g` the gradient of the scores, `y·(g − Σ g·y)`, in `g`.
pub(crate) fn gradient(g: &mut [f32], y: &[f32], width: usize) {
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
    g.par_chunks_mut(chunk).zip(y.par_chunks(chunk)).for_each(task);
}
