//! Normalisation of rows.

use super::parallel::{new, rows_per_task, sum_rows};
use super::{sum, vectorised};

/// How rows are normalised.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Norm {
    /// Whether the mean is subtracted first.
    pub(crate) centred: bool,
    /// What is added under the root.
    pub(crate) epsilon: f32,
}

/// The mean that is subtracted, and the inverse of the root.
type Stats = [f32; 2];

impl Norm {
    #[inline(always)]
    fn stats(self, row: &[f32]) -> Stats {
        let n = row.len() as f32;
        let mean = if self.centred { sum([row], |[x]| x) / n } else { 0.0 };
        let square = |[x]: [f32; 1]| (x - mean) * (x - mean);
        [mean, 1.0 / (sum([row], square) / n + self.epsilon).sqrt()]
    }

    /// `x̂ ⊙ γ + β` of rows as wide as `γ`; no `β` is one of zeros.
    pub(crate) fn apply(self, x: &[f32], gamma: &[f32], beta: Option<&[f32]>) -> Vec<f32> {
        let width = gamma.len();
        new(x.len(), width * rows_per_task(width), |start, out| {
            vectorised(
                #[inline(always)]
                || {
                    let rows = x[start..start + out.len()].chunks_exact(width);
                    for (row, out) in rows.zip(out.chunks_exact_mut(width)) {
                        let [mean, inverse] = self.stats(row);
                        match beta {
                            None => {
                                for ((out, x), gamma) in out.iter_mut().zip(row).zip(gamma) {
                                    out.write((x - mean) * inverse * gamma);
                                }
                            }
                            Some(beta) => {
                                for (((out, x), gamma), beta) in out.iter_mut().zip(row).zip(gamma).zip(beta)
                                {
                                    out.write((x - mean) * inverse * gamma + beta);
                                }
                            }
                        }
                    }
                },
            );
        })
    }

    /// The gradient of `x`: `(a − mean a − x̂·mean(a ⊙ x̂)) / root` with `a = g ⊙ γ`, without `mean a` where nothing is
    /// subtracted.
    pub(crate) fn gradient(self, x: &[f32], gamma: &[f32], g: &[f32]) -> Vec<f32> {
        let width = gamma.len();
        let n = width as f32;
        new(x.len(), width * rows_per_task(width), |start, out| {
            vectorised(
                #[inline(always)]
                || {
                    let part = start..start + out.len();
                    let rows = x[part.clone()].chunks_exact(width).zip(g[part].chunks_exact(width));
                    for ((x, g), out) in rows.zip(out.chunks_exact_mut(width)) {
                        let [mean, inverse] = self.stats(x);
                        let along = sum([x, g, gamma], |[x, g, gamma]| g * gamma * (x - mean)) * inverse / n;
                        let level =
                            if self.centred { sum([g, gamma], |[g, gamma]| g * gamma) / n } else { 0.0 };
                        for (((out, x), g), gamma) in out.iter_mut().zip(x).zip(g).zip(gamma) {
                            out.write((g * gamma - level - (x - mean) * inverse * along) * inverse);
                        }
                    }
                },
            );
        })
    }

    /// The gradient of `γ`: `Σ g ⊙ x̂` over the rows.
    pub(crate) fn gradient_of_gamma(self, x: &[f32], width: usize, g: &[f32]) -> Vec<f32> {
        sum_rows(
            x.len(),
            width,
            #[inline(always)]
            |at, sums| {
                let [mean, inverse] = self.stats(&x[at..at + width]);
                for ((sum, x), g) in sums.iter_mut().zip(&x[at..]).zip(&g[at..]) {
                    *sum += g * (x - mean) * inverse;
                }
            },
        )
    }
}
