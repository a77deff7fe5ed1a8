//! The best approximation of a matrix by one of a low rank, in the sense of the Frobenius norm.

/// How many columns more than the rank the search for its columns has.
const OVERSAMPLING: usize = 8;
/// How often the columns are multiplied by the matrix and its transpose.
const ITERATIONS: usize = 6;

/// `b · a` approximates a matrix `[rows, columns]`: `b` is `[rows, rank]`, `a` is `[rank, columns]`.
pub(super) struct LowRank {
    pub(super) b: Vec<f32>,
    pub(super) a: Vec<f32>,
    /// `‖M − b · a‖ / ‖M‖`, computed from the rounded factors; 0 for a matrix of zeros.
    pub(super) error: f64,
}

/// A matrix in row-major order.
#[derive(Clone)]
struct Matrix {
    rows: usize,
    columns: usize,
    values: Vec<f64>,
}

/// Approximates a matrix by subspace iteration (Halko, Martinsson and Tropp 2011, algorithm 4.4) from a fixed start.
pub(super) fn low_rank(values: &[f32], [rows, columns]: [usize; 2], rank: usize) -> LowRank {
    let m = Matrix { rows, columns, values: values.iter().map(|value| f64::from(*value)).collect() };
    let width = (rank + OVERSAMPLING).min(rows).min(columns);
    let mut basis = m.times(&Matrix::random(columns, width)).orthonormal();
    for _ in 0..ITERATIONS {
        let back = m.transposed_times(&basis).orthonormal();
        basis = m.times(&back).orthonormal();
    }
    // The singular vectors of a small matrix: those of its product with its transpose.
    let small = m.transposed_times(&basis);
    let vectors = small.transposed_times(&small).eigenvectors();
    let leading = Matrix { rows: width, columns: rank, values: vectors.first_columns(rank) };
    let round = |matrix: Matrix| matrix.values.into_iter().map(|value| value as f32).collect::<Vec<f32>>();
    let b = round(basis.times(&leading));
    let a = round(small.times(&leading).transposed());
    let error = error(&m, &b, &a, rank);
    LowRank { b, a, error }
}

fn error(m: &Matrix, b: &[f32], a: &[f32], rank: usize) -> f64 {
    let (mut error, mut norm) = (0.0, 0.0);
    for (row, b) in m.values.chunks_exact(m.columns).zip(b.chunks_exact(rank)) {
        for (column, value) in row.iter().enumerate() {
            let approximated: f64 =
                b.iter().enumerate().map(|(i, b)| f64::from(*b) * f64::from(a[i * m.columns + column])).sum();
            error += (value - approximated).powi(2);
            norm += value.powi(2);
        }
    }
    if norm == 0.0 { 0.0 } else { (error / norm).sqrt() }
}

impl Matrix {
    fn zeros(rows: usize, columns: usize) -> Self {
        Self { rows, columns, values: vec![0.0; rows * columns] }
    }

    /// Numbers from a linear congruential generator.
    fn random(rows: usize, columns: usize) -> Self {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
        };
        Self { rows, columns, values: (0..rows * columns).map(|_| next()).collect() }
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.columns..][..self.columns]
    }

    fn times(&self, other: &Self) -> Self {
        let mut product = Self::zeros(self.rows, other.columns);
        for (row, out) in product.values.chunks_exact_mut(other.columns).enumerate() {
            for (value, other) in self.row(row).iter().zip(other.values.chunks_exact(other.columns)) {
                out.iter_mut().zip(other).for_each(|(out, other)| *out += value * other);
            }
        }
        product
    }

    fn transposed_times(&self, other: &Self) -> Self {
        let mut product = Self::zeros(self.columns, other.columns);
        for row in 0..self.rows {
            let other = other.row(row);
            for (value, out) in self.row(row).iter().zip(product.values.chunks_exact_mut(other.len())) {
                out.iter_mut().zip(other).for_each(|(out, other)| *out += value * other);
            }
        }
        product
    }

    fn transposed(&self) -> Self {
        let mut turned = Self::zeros(self.columns, self.rows);
        for row in 0..self.rows {
            for (column, value) in self.row(row).iter().enumerate() {
                turned.values[column * self.rows + row] = *value;
            }
        }
        turned
    }

    fn first_columns(&self, count: usize) -> Vec<f64> {
        (0..self.rows).flat_map(|row| self.row(row)[..count].to_vec()).collect()
    }

    /// The columns made orthogonal to each other and of length 1, twice for the sake of rounding. A column that depends on
    /// those before it becomes zero.
    fn orthonormal(&self) -> Self {
        let mut columns = self.transposed();
        let width = columns.columns;
        for at in 0..columns.rows {
            let (before, rest) = columns.values.split_at_mut(at * width);
            let column = &mut rest[..width];
            let length = |column: &[f64]| column.iter().map(|value| value * value).sum::<f64>().sqrt();
            let first = length(column);
            for _ in 0..2 {
                for other in before.chunks_exact(width) {
                    let along: f64 = column.iter().zip(other).map(|(a, b)| a * b).sum();
                    column.iter_mut().zip(other).for_each(|(value, other)| *value -= along * other);
                }
            }
            let left = length(column);
            let scale = if left > first * 1e-12 { 1.0 / left } else { 0.0 };
            column.iter_mut().for_each(|value| *value *= scale);
        }
        columns.transposed()
    }

    /// The eigenvectors of a symmetric matrix as columns, those of the largest eigenvalues first, by Jacobi's rotations.
    fn eigenvectors(mut self) -> Self {
        let n = self.rows;
        let mut vectors = Self::zeros(n, n);
        (0..n).for_each(|i| vectors.values[i * n + i] = 1.0);
        for _ in 0..60 {
            let off: f64 = (0..n * n).filter(|at| at / n != at % n).map(|at| self.values[at].powi(2)).sum();
            let all: f64 = self.values.iter().map(|value| value.powi(2)).sum();
            if off <= all * 1e-28 {
                break;
            }
            for p in 0..n {
                for q in p + 1..n {
                    self.rotate(&mut vectors, p, q);
                }
            }
        }
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|a, b| self.values[b * n + b].total_cmp(&self.values[a * n + a]));
        let sorted = (0..n).flat_map(|row| order.iter().map(move |column| (row, *column)));
        let values = sorted.map(|(row, column)| vectors.values[row * n + column]).collect();
        Self { rows: n, columns: n, values }
    }

    /// Makes the entry `[p, q]` of a symmetric matrix zero.
    fn rotate(&mut self, vectors: &mut Self, p: usize, q: usize) {
        let n = self.rows;
        let entry = self.values[p * n + q];
        if entry == 0.0 {
            return;
        }
        let theta = (self.values[q * n + q] - self.values[p * n + p]) / (2.0 * entry);
        let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
        let t = if theta == 0.0 { 1.0 } else { t };
        let c = 1.0 / (t * t + 1.0).sqrt();
        let s = t * c;
        let turn = |values: &mut [f64], a: usize, b: usize| {
            let (x, y) = (values[a], values[b]);
            (values[a], values[b]) = (c * x - s * y, s * x + c * y);
        };
        (0..n).for_each(|k| turn(&mut self.values, k * n + p, k * n + q));
        (0..n).for_each(|k| turn(&mut self.values, p * n + k, q * n + k));
        (0..n).for_each(|k| turn(&mut vectors.values, k * n + p, k * n + q));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A matrix with the singular values 4, 2, 1 and 0.5, and random singular vectors.
    fn matrix(rows: usize, columns: usize) -> Vec<f32> {
        let left = Matrix::random(rows, 4).orthonormal();
        let mut right = Matrix::random(columns, 4).orthonormal().transposed();
        for (row, value) in right.values.chunks_exact_mut(columns).zip([4.0, 2.0, 1.0, 0.5]) {
            row.iter_mut().for_each(|entry| *entry *= value);
        }
        left.times(&right).values.into_iter().map(|value| value as f32).collect()
    }

    /// The error of the best approximation is that of the singular values that are left out (Eckart and Young).
    #[test]
    fn the_error_is_that_of_the_best_approximation() {
        let all: f64 = [4.0_f64, 2.0, 1.0, 0.5].iter().map(|value| value.powi(2)).sum();
        for shape in [[40, 24], [17, 60], [4, 4]] {
            let m = matrix(shape[0], shape[1]);
            for (rank, left) in [(1, 4.0 + 1.0 + 0.25), (2, 1.0 + 0.25), (3, 0.25), (4, 0.0)] {
                let found = low_rank(&m, shape, rank);
                let expected = (left / all).sqrt();
                assert!((found.error - expected).abs() < 2e-7, "{shape:?} {rank}: {}", found.error);
                assert_eq!((found.b.len(), found.a.len()), (shape[0] * rank, rank * shape[1]));
            }
        }
    }

    #[test]
    fn zeros_and_matrices_of_a_lower_rank_are_exact() {
        assert_eq!(low_rank(&[0.0; 12], [3, 4], 2).error, 0.0);
        let one: Vec<f32> = (0..30).map(|at| ((at / 6) as f32 - 1.5) * ((at % 6) as f32 + 0.5)).collect();
        assert!(low_rank(&one, [5, 6], 3).error < 1e-6);
    }
}
