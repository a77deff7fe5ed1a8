//! The energies of the frequencies of a real signal, by the algorithm of Cooley and Tukey for a length with any factors.
//!
//! `rustfft` would do it too, but it turns on features of `num-complex` that compile burn's matrix products a second time.

use std::f64::consts::PI;

type Complex = [f64; 2];

/// Transforms signals of one length.
#[derive(Clone, Debug)]
pub(super) struct Spectrum {
    /// `exp(-2πi·k/n)` for each `k` below the length.
    roots: Vec<Complex>,
    /// The prime factors of the length, the smallest first.
    factors: Vec<usize>,
}

impl Spectrum {
    /// For signals of `length` values, of which there is at least one.
    pub(super) fn new(length: usize) -> Self {
        let angle = |k: usize| -2.0 * PI * k as f64 / length as f64;
        let roots = (0..length).map(|k| [angle(k).cos(), angle(k).sin()]).collect();
        Self { roots, factors: prime_factors(length) }
    }

    /// The squared magnitudes of the frequencies from 0 to half of the length.
    pub(super) fn powers(&self, signal: &[f64]) -> Vec<f64> {
        let length = self.roots.len();
        assert_eq!(signal.len(), length, "a signal has as many values as the transform");
        let mut out = vec![[0.0; 2]; length];
        self.transform(&self.factors, signal, 1, &mut out);
        out[..length / 2 + 1].iter().map(|[re, im]| re * re + im * im).collect()
    }

    /// Transforms every `stride`-th value of `signal`; there are as many as `out` has, which is the product of `factors`.
    fn transform(&self, factors: &[usize], signal: &[f64], stride: usize, out: &mut [Complex]) {
        let Some((&parts, factors)) = factors.split_first() else {
            out[0] = [signal[0], 0.0];
            return;
        };
        let part = out.len() / parts;
        for (r, out) in out.chunks_mut(part).enumerate() {
            self.transform(factors, &signal[r * stride..], stride * parts, out);
        }
        let mut column = vec![[0.0; 2]; parts];
        for k in 0..part {
            column.iter_mut().enumerate().for_each(|(r, value)| *value = out[r * part + k]);
            for at in (k..out.len()).step_by(part) {
                out[at] = self.sum(&column, at * stride);
            }
        }
    }

    /// The sum of the values, each turned by `step` further than the one before.
    fn sum(&self, values: &[Complex], step: usize) -> Complex {
        let turned = values.iter().enumerate().map(|(r, [re, im])| {
            let [cos, sin] = self.roots[(r * step) % self.roots.len()];
            [re * cos - im * sin, re * sin + im * cos]
        });
        turned.fold([0.0; 2], |[a, b], [re, im]| [a + re, b + im])
    }
}

fn prime_factors(mut length: usize) -> Vec<usize> {
    let mut factors = vec![];
    let mut factor = 2;
    while length > 1 {
        while length.is_multiple_of(factor) {
            factors.push(factor);
            length /= factor;
        }
        factor += 1;
    }
    factors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_powers_are_those_of_the_definition() {
        for length in [1, 2, 3, 7, 12, 64, 90, 400] {
            let signal: Vec<f64> = (0..length).map(|i| ((i * 37 % 23) as f64 - 11.0) / 8.0).collect();
            let powers = Spectrum::new(length).powers(&signal);
            assert_eq!(powers.len(), length / 2 + 1);
            for (k, power) in powers.into_iter().enumerate() {
                let angle = |i: usize| 2.0 * PI * (i * k) as f64 / length as f64;
                let sum = |part: fn(f64) -> f64| -> f64 {
                    signal.iter().enumerate().map(|(i, value)| value * part(angle(i))).sum()
                };
                let expected = sum(f64::cos).powi(2) + sum(f64::sin).powi(2);
                assert!(
                    (power - expected).abs() < 1e-9 * expected.max(1.0),
                    "{length} {k}: {power} {expected}"
                );
            }
        }
    }
}
