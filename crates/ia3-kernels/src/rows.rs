//! Sums of a vector and rows, as of a bias and its gradient.

use crate::parallel::{sum_rows, update_rows};

/// Adds `b` to each row of `y`. Rows are as long as `b`.
///
/// # Panics
///
/// Panics if `y` does not consist of such rows.
pub fn add(y: &mut [f32], b: &[f32]) {
    update_rows(
        y,
        b.len(),
        #[inline(always)]
        |_, row| row.iter_mut().zip(b).for_each(|(y, b)| *y += b),
    );
}

/// The sum of rows of `width` elements.
///
/// # Panics
///
/// Panics if `g` does not consist of such rows.
pub fn sum(g: &[f32], width: usize) -> Vec<f32> {
    sum_rows(
        g.len(),
        width,
        #[inline(always)]
        |at, sums| sums.iter_mut().zip(&g[at..]).for_each(|(sum, g)| *sum += g),
    )
}
