//! Negative log-likelihoods of rows of logits.

use rayon::prelude::*;

use super::exp::exp;
use super::{max, sum, vectorised};

/// What is kept of a row: its largest logit and `Σ e^{x − max}`.
pub(crate) type Stats = [f32; 2];

/// For each row of `width` logits `log Σ eˣ − x[target]`, 0 where the target is negative, and what [`gradient`] needs.
///
/// # Panics
///
/// Panics at a target beyond the row.
pub(crate) fn losses(x: &[f32], width: usize, targets: &[i64]) -> (Vec<f32>, Vec<Stats>) {
    let rows = x.par_chunks_exact(width).zip(targets);
    rows.map(|(row, &target)| {
        let Ok(target) = usize::try_from(target) else { return (0.0, [0.0, 1.0]) };
        let [most, total] = stats(row);
        (total.ln() - (row[target] - most), [most, total])
    })
    .unzip()
}

fn stats(row: &[f32]) -> Stats {
    vectorised(
        #[inline(always)]
        || {
            let most = max(row);
            [
                most,
                sum(
                    [row],
                    #[inline(always)]
                    |[x]| exp(x - most),
                ),
            ]
        },
    )
}

/// Turns logits into the gradient of the losses times `g`, `g·(softmax x − 1[target])`; 0 where the target is negative.
pub(crate) fn gradient(x: &mut [f32], width: usize, targets: &[i64], stats: &[Stats], g: &[f32]) {
    let rows = x.par_chunks_exact_mut(width).zip(targets).zip(stats).zip(g);
    rows.for_each(|(((row, &target), &[most, total]), &g)| {
        let Ok(target) = usize::try_from(target) else { return row.fill(0.0) };
        let factor = g / total;
        vectorised(
            #[inline(always)]
            || {
                row.iter_mut().for_each(
                    #[inline(always)]
                    |x| *x = exp(*x - most) * factor,
                )
            },
        );
        row[target] -= g;
    });
}
