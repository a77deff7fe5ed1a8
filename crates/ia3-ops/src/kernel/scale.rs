//! Rows times vectors: one for all rows, or one for each run of consecutive ones.

use rayon::prelude::*;

use super::parallel::{new, rows_per_task, sum_rows};
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

    fn chunk(&self) -> usize {
        self.width * rows_per_task(self.width)
    }

    /// `x ⊙ l`
    pub(crate) fn times(self, x: &[f32]) -> Vec<f32> {
        new(x.len(), self.chunk(), |start, out| {
            vectorised(|| {
                let rows = x[start..start + out.len()].chunks_exact(self.width);
                for (i, (x, out)) in rows.zip(out.chunks_exact_mut(self.width)).enumerate() {
                    let l = self.of(start + i * self.width);
                    for ((out, x), l) in out.iter_mut().zip(x).zip(l) {
                        out.write(x * l);
                    }
                }
            });
        })
    }

    /// The same in place.
    pub(crate) fn scale(self, x: &mut [f32]) {
        let chunk = self.chunk();
        let task = |(i, part): (usize, &mut [f32])| {
            vectorised(|| {
                for (j, x) in part.chunks_exact_mut(self.width).enumerate() {
                    let l = self.of(i * chunk + j * self.width);
                    x.iter_mut().zip(l).for_each(|(x, l)| *x *= l);
                }
            });
        };
        if x.len() <= chunk {
            return task((0, x));
        }
        x.par_chunks_mut(chunk).enumerate().for_each(task);
    }

    /// The gradient of the vectors: `Σ g ⊙ x` over the rows of each.
    pub(crate) fn gradient(self, x: &[f32], g: &[f32]) -> Vec<f32> {
        let run = self.width * self.rows;
        let of_run = |(x, g): (&[f32], &[f32])| {
            sum_rows(x.len(), self.width, |at, sums| {
                for ((sum, x), g) in sums.iter_mut().zip(&x[at..]).zip(&g[at..]) {
                    *sum += g * x;
                }
            })
        };
        x.chunks_exact(run).zip(g.chunks_exact(run)).flat_map(of_run).collect()
    }
}
