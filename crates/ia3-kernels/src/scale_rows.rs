//! The rows of a matrix, each times a number of its own.

use crate::parallel::{new_rows, update_rows};

/// The product of each row of `x` and its factor, where `x` has as many rows as there are factors.
///
/// # Panics
///
/// Panics if `x` does not consist of that many rows of one length.
pub fn times(x: &[f32], factors: &[f32]) -> Vec<f32> {
    let width = width(x, factors);
    // SAFETY: a row has `width` elements, as many as the loop writes.
    unsafe {
        new_rows(
            x,
            width,
            #[inline(always)]
            |at, x, out| {
                let factor = factors[at / width];
                for (out, x) in out.iter_mut().zip(x) {
                    out.write(x * factor);
                }
            },
        )
    }
}

/// Replaces each row of `x` by its product with its factor.
///
/// # Panics
///
/// Panics if `x` does not consist of as many rows of one length as there are factors.
pub fn scale(x: &mut [f32], factors: &[f32]) {
    let width = width(x, factors);
    update_rows(
        x,
        width,
        #[inline(always)]
        |at, x| x.iter_mut().for_each(|x| *x *= factors[at / width]),
    );
}

fn width(x: &[f32], factors: &[f32]) -> usize {
    let (n, rows) = (x.len(), factors.len());
    assert!(n == 0 || rows > 0 && n.is_multiple_of(rows), "{n} elements are no {rows} rows");
    n / rows.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_its_factor() {
        for [rows, width] in [[0, 0], [1, 1], [3, 2], [2, 40_000], [5000, 7]] {
            let x: Vec<f32> = (0..rows * width).map(|i| (i % 97) as f32 - 50.0).collect();
            let factors: Vec<f32> = (0..rows).map(|i| (i % 5) as f32 - 2.5).collect();
            let expected: Vec<f32> = x.iter().enumerate().map(|(i, x)| x * factors[i / width]).collect();
            assert_eq!(times(&x, &factors), expected);
            let mut changed = x;
            scale(&mut changed, &factors);
            assert_eq!(changed, expected);
        }
    }

    #[test]
    #[should_panic(expected = "5 elements are no 2 rows")]
    fn rows_have_one_length() {
        times(&[0.0; 5], &[1.0; 2]);
    }
}
