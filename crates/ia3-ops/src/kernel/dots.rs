//! A few rows times the rows of a large matrix.

use super::parallel::{columns, rows_per_task};
use super::{sum, vectorised};

/// `x·wᵀ`, `[rows, n]`, of `x` `[rows, width]` and `w` `[n, width]`: each row of `w` is read once.
pub(crate) fn dots(x: &[f32], w: &[f32], width: usize) -> Vec<f32> {
    let (rows, n) = (x.len() / width, w.len() / width);
    columns([rows, n], rows_per_task(width), |start, out| {
        let block = out.len() / rows;
        let w = &w[start * width..][..block * width];
        vectorised(|| {
            for (j, w) in w.chunks_exact(width).enumerate() {
                for (i, x) in x.chunks_exact(width).enumerate() {
                    out[i * block + j] = sum([x, w], |[x, w]| x * w);
                }
            }
        });
    })
}
