//! Normalisation of rows.

// Written with `new` and not with `new_rows`, behind which norms took up to a quarter longer.

use crate::parallel::{assert_rows, new, sum_rows};
use crate::reduce::sum;
use crate::simd::vectorised;
use crate::threads::rows_per_task;

/// How rows are normalised.
#[derive(Clone, Copy, Debug)]
pub struct Norm {
    /// Whether the mean is subtracted first.
    pub centred: bool,
    /// Added to the variance, or to the mean square, before the square root.
    pub epsilon: f32,
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

    /// `x̂ ⊙ γ + β` for rows as long as `γ`; without `β`, `x̂ ⊙ γ`.
    ///
    /// # Panics
    ///
    /// Panics if `x` does not consist of such rows, or if `beta` differs from `gamma` in length.
    pub fn apply(self, x: &[f32], gamma: &[f32], beta: Option<&[f32]>) -> Vec<f32> {
        let width = gamma.len();
        assert_rows(x.len(), width);
        assert!(beta.is_none_or(|beta| beta.len() == width), "as many elements of beta as of gamma");
        if x.is_empty() {
            return vec![];
        }
        // SAFETY: `x` and `out` are rows of `width` elements; for each of them the loop writes as many as there are of
        // `gamma`, and of `beta`: `width`.
        unsafe {
            new(x.len(), width * rows_per_task(width), |start, out| {
                vectorised(
                    #[inline(always)]
                    || {
                        let rows = x[start..start + out.len()].chunks_exact(width);
                        for (row, out) in rows.zip(out.chunks_exact_mut(width)) {
                            let [mean, inverse] = self.stats(row);
                            let row = out.iter_mut().zip(row).zip(gamma);
                            match beta {
                                None => row.for_each(
                                    #[inline(always)]
                                    |((out, x), gamma)| {
                                        out.write((x - mean) * inverse * gamma);
                                    },
                                ),
                                Some(beta) => row.zip(beta).for_each(
                                    #[inline(always)]
                                    |(((out, x), gamma), beta)| {
                                        out.write((x - mean) * inverse * gamma + beta);
                                    },
                                ),
                            }
                        }
                    },
                );
            })
        }
    }

    /// The gradient of `x`: `(a − mean a − x̂·mean(a ⊙ x̂)) / root` with `a = g ⊙ γ`; without `mean a` if no mean is
    /// subtracted.
    ///
    /// # Panics
    ///
    /// Panics if `x` and `g` differ in length or do not consist of rows as long as `gamma`.
    pub fn gradient(self, x: &[f32], gamma: &[f32], g: &[f32]) -> Vec<f32> {
        let width = gamma.len();
        assert_eq!(g.len(), x.len(), "a gradient for each element");
        assert_rows(x.len(), width);
        if x.is_empty() {
            return vec![];
        }
        let n = width as f32;
        // SAFETY: `x`, `g` and `out` are rows of `width` elements, and the loop writes `width` elements for each of them.
        unsafe {
            new(x.len(), width * rows_per_task(width), |start, out| {
                vectorised(
                    #[inline(always)]
                    || {
                        let part = start..start + out.len();
                        let rows = x[part.clone()].chunks_exact(width).zip(g[part].chunks_exact(width));
                        for ((x, g), out) in rows.zip(out.chunks_exact_mut(width)) {
                            let [mean, inverse] = self.stats(x);
                            let along = sum([x, g, gamma], |[x, g, gamma]| g * gamma * (x - mean));
                            let along = along * inverse / n;
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
    }

    /// The gradient of `γ`: the sum of `g ⊙ x̂` over rows of `width` elements.
    ///
    /// # Panics
    ///
    /// Panics if `x` and `g` differ in length or do not consist of such rows.
    pub fn gradient_of_gamma(self, x: &[f32], width: usize, g: &[f32]) -> Vec<f32> {
        assert_eq!(g.len(), x.len(), "a gradient for each element");
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
