//! Rows times vectors: one vector for all rows, or one for each run of consecutive rows.

use crate::parallel::{new_rows, sum_rows, update_rows};

/// Vectors of `width` elements. Each multiplies `rows` consecutive rows.
#[derive(Clone, Copy)]
pub struct Factors<'a> {
    values: &'a [f32],
    width: usize,
    rows: usize,
}

impl<'a> Factors<'a> {
    /// Vectors of `width` elements, one after the other in `values`, of which each multiplies `rows` consecutive rows.
    ///
    /// # Panics
    ///
    /// Panics if `values` does not consist of such vectors.
    pub fn new(values: &'a [f32], width: usize, rows: usize) -> Self {
        assert!(
            values.is_empty() || width > 0 && values.len().is_multiple_of(width),
            "{} factors are no vectors of {width}",
            values.len()
        );
        Self { values, width, rows }
    }

    /// The vector of the row that starts at the element `at`.
    #[inline(always)]
    fn of(&self, at: usize) -> &[f32] {
        &self.values[at / (self.width * self.rows) * self.width..][..self.width]
    }

    /// # Panics
    ///
    /// Panics if there are not as many elements as the vectors multiply.
    fn assert_len(&self, len: usize) {
        let expected = self.values.len() * self.rows;
        assert_eq!(len, expected, "elements that the vectors multiply");
    }

    /// `x ⊙ l`
    ///
    /// # Panics
    ///
    /// Panics if `x` does not consist of `rows` rows for each vector.
    pub fn times(self, x: &[f32]) -> Vec<f32> {
        self.assert_len(x.len());
        // SAFETY: a row and a vector have `width` elements, as many as the loop writes.
        unsafe {
            new_rows(
                x,
                self.width,
                #[inline(always)]
                |at, x, out| {
                    for ((out, x), l) in out.iter_mut().zip(x).zip(self.of(at)) {
                        out.write(x * l);
                    }
                },
            )
        }
    }

    /// Replaces `x` by `x ⊙ l`.
    ///
    /// # Panics
    ///
    /// Panics if `x` does not consist of `rows` rows for each vector.
    pub fn scale(self, x: &mut [f32]) {
        self.assert_len(x.len());
        update_rows(
            x,
            self.width,
            #[inline(always)]
            |at, x| x.iter_mut().zip(self.of(at)).for_each(|(x, l)| *x *= l),
        );
    }

    /// The gradient of each vector: the sum of `g ⊙ x` over its rows.
    ///
    /// # Panics
    ///
    /// Panics if `x` or `g` does not consist of `rows` rows for each vector.
    pub fn gradient(self, x: &[f32], g: &[f32]) -> Vec<f32> {
        self.assert_len(x.len());
        self.assert_len(g.len());
        if x.is_empty() {
            return vec![0.0; self.values.len()];
        }
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
