//! Negative log-likelihoods of rows of logits.

use crate::exp::exp;
use crate::parallel::assert_rows;
use crate::reduce::{max, sum};
use crate::simd::vectorised;
use crate::threads::for_each;

/// What the gradient of a row needs: the largest logit and `Σ e^{x − max}`.
pub type Stats = [f32; 2];

/// `log Σ eˣ − x[target]` for each row of `width` logits, or 0 where the target is negative; and what [`gradient`] needs.
///
/// # Panics
///
/// Panics if `x` does not consist of one such row for each target, or if a target is not below `width`.
pub fn losses(x: &[f32], width: usize, targets: &[i64]) -> (Vec<f32>, Vec<Stats>) {
    assert_eq!(x.len(), width * targets.len(), "one target for each row of {width} logits");
    let (mut losses, mut stats) = (vec![0.0; targets.len()], vec![[0.0, 1.0]; targets.len()]);
    let rows = losses.iter_mut().zip(&mut stats).zip(targets).enumerate();
    for_each(rows.collect(), |(i, ((loss, stats), &target))| {
        let Ok(target) = usize::try_from(target) else { return };
        let row = &x[i * width..][..width];
        let [most, total] = stats_of(row);
        (*loss, *stats) = (total.ln() - (row[target] - most), [most, total]);
    });
    (losses, stats)
}

fn stats_of(row: &[f32]) -> Stats {
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

/// Replaces logits by the gradient of the losses times `g`, `g·(softmax x − 1[target])`, or 0 where the target is negative.
///
/// # Panics
///
/// Panics if there is not one row of `width` logits for each target and each element of `stats` and `g`, or if a target is
/// not below `width`.
pub fn gradient(x: &mut [f32], width: usize, targets: &[i64], stats: &[Stats], g: &[f32]) {
    assert_eq!(x.len(), width * targets.len(), "one target for each row of {width} logits");
    assert_eq!([stats.len(), g.len()], [targets.len(); 2], "statistics and a gradient for each target");
    assert_rows(x.len(), width);
    let rows = x.chunks_mut(width.max(1)).zip(targets).zip(stats).zip(g);
    for_each(rows.collect(), |(((row, &target), &[most, total]), &g)| {
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
