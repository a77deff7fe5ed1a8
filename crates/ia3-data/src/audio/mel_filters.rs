//! Slaney's mel scale, and triangular filters of equal area on it (`mel_filter_bank` of transformers with `norm="slaney"` and
//! `mel_scale="slaney"`).

/// From here on the scale is logarithmic; below it is linear.
const LINEAR_UP_TO: f64 = 1000.0;
const MEL_OF_LINEAR: f64 = 15.0;
const MELS_PER_HERTZ: f64 = 3.0 / 200.0;

/// The step of a mel in the logarithm of the frequency.
fn log_step() -> f64 {
    6.4f64.ln() / 27.0
}

fn mel(hertz: f64) -> f64 {
    match hertz < LINEAR_UP_TO {
        true => hertz * MELS_PER_HERTZ,
        false => MEL_OF_LINEAR + (hertz / LINEAR_UP_TO).ln() / log_step(),
    }
}

fn hertz(mel: f64) -> f64 {
    match mel < MEL_OF_LINEAR {
        true => mel / MELS_PER_HERTZ,
        false => LINEAR_UP_TO * (log_step() * (mel - MEL_OF_LINEAR)).exp(),
    }
}

/// A filter: the weights of consecutive bins of a spectrum, the first of which is `first`.
#[derive(Clone, Debug)]
pub(super) struct MelFilter {
    first: usize,
    weights: Vec<f64>,
}

impl MelFilter {
    /// The energy of a spectrum behind the filter.
    pub(super) fn apply(&self, spectrum: &[f64]) -> f64 {
        self.weights.iter().zip(&spectrum[self.first..]).map(|(weight, power)| weight * power).sum()
    }
}

/// `count` filters from 0 Hz to `highest` Hz, for spectra of `bins` bins from 0 Hz to half of `sampling_rate`.
pub(super) fn mel_filters(count: usize, highest: f64, bins: usize, sampling_rate: u32) -> Vec<MelFilter> {
    let top = mel(highest);
    let corner = |i: usize| hertz(top * i as f64 / (count + 1) as f64);
    let frequency = |bin: usize| f64::from(sampling_rate / 2) * bin as f64 / (bins - 1) as f64;
    let filter = |i: usize| {
        let [low, centre, high] = [corner(i), corner(i + 1), corner(i + 2)];
        let area = 2.0 / (high - low);
        let weight = |bin: usize| {
            let up = (frequency(bin) - low) / (centre - low);
            let down = (high - frequency(bin)) / (high - centre);
            up.min(down).max(0.0) * area
        };
        let inside: Vec<usize> = (0..bins).filter(|bin| weight(*bin) > 0.0).collect();
        let first = inside.first().copied().unwrap_or(0);
        MelFilter { first, weights: (first..first + inside.len()).map(weight).collect() }
    };
    (0..count).map(filter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_goes_there_and_back() {
        for frequency in [0.0, 200.0, 999.0, 1000.0, 1001.0, 8000.0] {
            assert!((hertz(mel(frequency)) - frequency).abs() < 1e-9, "{frequency}");
        }
        assert!((mel(6400.0) - 42.0).abs() < 1e-12);
    }
}
