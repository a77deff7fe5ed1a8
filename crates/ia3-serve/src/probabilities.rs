//! From logits to probabilities, in float64.

/// The log-probability of each logit.
pub(crate) fn log_probabilities(logits: &[f32]) -> impl Iterator<Item = f64> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|logit| f64::from(logit - most).exp()).sum();
    let log_of_all = f64::from(most) + sum.ln();
    logits.iter().map(move |logit| f64::from(*logit) - log_of_all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_sum_to_one_also_of_large_logits() {
        let all: Vec<f64> = log_probabilities(&[1000.0, 1000.0, 1000.0 + 2.0f32.ln()]).collect();
        for (got, expected) in all.iter().zip([0.25f64, 0.25, 0.5]) {
            assert!((got.exp() - expected).abs() < 1e-5, "{got} and {expected}");
        }
        assert!((all.iter().map(|log| log.exp()).sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
