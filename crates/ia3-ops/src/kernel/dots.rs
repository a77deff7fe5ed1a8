//! A few rows times the rows of a large matrix.

use rayon::prelude::*;

use super::parallel::rows_per_task;
use super::{sum, vectorised};

/// `x·wᵀ`, `[rows, n]`, of `x` `[rows, width]` and `w` `[n, width]`: each row of `w` is read once.
pub(crate) fn dots(x: &[f32], w: &[f32], width: usize) -> Vec<f32> {
    let (rows, n) = (x.len() / width, w.len() / width);
    let block = rows_per_task(width);
    let blocks: Vec<Vec<f32>> = w.par_chunks(block * width).map(|w| block_dots(x, w, width)).collect();
    let row = |r: usize| {
        blocks.iter().flat_map(move |block| &block[r * (block.len() / rows)..][..block.len() / rows])
    };
    let mut out = Vec::with_capacity(rows * n);
    (0..rows).for_each(|r| out.extend(row(r)));
    out
}

/// Of some rows of `w`.
fn block_dots(x: &[f32], w: &[f32], width: usize) -> Vec<f32> {
    let n = w.len() / width;
    let mut out = vec![0.0; x.len() / width * n];
    vectorised(|| {
        for (j, w) in w.chunks_exact(width).enumerate() {
            for (i, x) in x.chunks_exact(width).enumerate() {
                out[i * n + j] = sum([x, w], |[x, w]| x * w);
            }
        }
    });
    out
}
