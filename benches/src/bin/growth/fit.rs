//! The exponent of a curve.

/// The exponent `e` of `t = c·nᵉ` through the points `(n, t)`, which is the slope of their logarithms by least squares.
/// `None` if all lengths are equal.
pub(crate) fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    let logs: Vec<(f64, f64)> = points.iter().map(|(n, t)| (n.ln(), t.ln())).collect();
    let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / logs.len() as f64;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let (mut covariance, mut variance) = (0.0, 0.0);
    for (log_n, log_t) in &logs {
        covariance += (log_n - x) * (log_t - y);
        variance += (log_n - x).powi(2);
    }
    (variance > 0.0).then(|| covariance / variance)
}

#[cfg(test)]
mod tests {
    use super::exponent;

    #[test]
    fn the_exponent_of_a_power_is_found_and_noise_averages_out() {
        let power = |e: f64| [64.0, 128.0, 512.0].map(|n: f64| (n, 3e-5 * n.powf(e)));
        for e in [0.0, 1.0, 1.7, 2.0] {
            assert!((exponent(&power(e)).unwrap() - e).abs() < 1e-12);
        }
        // Twice the time at both ends does not change the slope.
        let [mut first, middle, mut last] = [1.0, 2.0, 4.0].map(|n| (n, n));
        first.1 *= 2.0;
        last.1 *= 2.0;
        assert!((exponent(&[first, middle, last]).unwrap() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn one_length_has_no_exponent() {
        assert_eq!(exponent(&[]), None);
        assert_eq!(exponent(&[(64.0, 1.0), (64.0, 2.0)]), None);
    }
}
