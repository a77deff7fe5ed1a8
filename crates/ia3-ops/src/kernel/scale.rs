//! Rows times vectors: one for all rows, or one for each run of consecutive ones.

use super::parallel::{new, rows_per_task, sum_rows, update_rows};
use super::vectorised;

/// Vectors of `width` elements, of which each multiplies `rows` consecutive rows.
#[derive(Clone, Copy)]
pub(crate) struct Factors<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) width: usize,
    pub(crate) rows: usize,
}

impl Factors<'_> {
    /// What multiplies the row that starts at the element `at`.
    #[inline(always)]
    fn of(&self, at: usize) -> &[f32] {
        &self.values[at / (self.width * self.rows) * self.width..][..self.width]
    }

    /// `x ⊙ l`
    pub(crate) fn times(self, x: &[f32]) -> Vec<f32> {
        new(x.len(), self.width * rows_per_task(self.width), |start, out| {
            vectorised(
                #[inline(always)]
                || {
                    let rows = x[start..start + out.len()].chunks_exact(self.width);
                    for (i, (x, out)) in rows.zip(out.chunks_exact_mut(self.width)).enumerate() {
                        let l = self.of(start + i * self.width);
                        for ((out, x), l) in out.iter_mut().zip(x).zip(l) {
                            out.write(x * l);
                        }
                    }
                },
            );
        })
    }

    /// The same in place.
    pub(crate) fn scale(self, x: &mut [f32]) {
        update_rows(
            x,
            self.width,
            #[inline(always)]
            |at, x| x.iter_mut().zip(self.of(at)).for_each(|(x, l)| *x *= l),
        );
    }

    /// The gradient of the vectors: `Σ g ⊙ x` over the rows of each.
    pub(crate) fn gradient(self, x: &[f32], g: &[f32]) -> Vec<f32> {
        let run = self.width * self.rows;
        let of_run = |(x, g): (&[f32], &[f32])| {
            sum_rows(
                x.len(),
                self.width,
                #[inline(always)]
                |at, sums| {
                    for ((sum, x), g) in sums.iter_mut().zip(&x[at..]).zip(&g[at..]) {
                        *sum += g * x;
                    }
                },
            )
        };
        x.chunks_exact(run).zip(g.chunks_exact(run)).flat_map(of_run).collect()
    }
}
