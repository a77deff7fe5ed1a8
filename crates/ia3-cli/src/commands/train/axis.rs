//! An axis of the plot from 0 to the largest value, whose ticks have labels that are their values.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint};
use plotters::prelude::Ranged;

/// An axis from 0 to `end`, with a tick at every multiple of `distance`.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    end: f64,
    distance: f64,
}

impl Axis {
    /// An axis with at most about ten ticks: their distance is 1, 2 or 5 times a power of ten, and at least `smallest`.
    pub(super) fn new(end: f64, smallest: f64) -> Self {
        let power = 10f64.powf((end / 10.0).log10().floor());
        let fits = |step: &&f64| end / (power * **step) <= 10.0;
        let distance = power * [1.0, 2.0, 5.0].iter().find(fits).unwrap_or(&10.0);
        Self { end, distance: distance.max(smallest) }
    }

    /// The label of a tick, with as many decimals as the distance of the ticks needs.
    pub(super) fn label(self, tick: f64) -> String {
        let decimals = (-self.distance.log10()).ceil().max(0.0) as usize;
        format!("{tick:.decimals$}")
    }

    fn ticks(self) -> Vec<f64> {
        // The small number allows for the rounding of the quotient.
        (0..=(self.end / self.distance + 1e-9) as usize).map(|tick| tick as f64 * self.distance).collect()
    }
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (first, last): (i32, i32)) -> i32 {
        first + (f64::from(last - first) * value / self.end).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks()
    }

    fn range(&self) -> Range<f64> {
        0.0..self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(end: f64) -> Vec<String> {
        let axis = Axis::new(end, 0.0);
        axis.ticks().into_iter().map(|tick| axis.label(tick)).collect()
    }

    #[test]
    fn labels_are_the_values_of_their_ticks() {
        assert_eq!(labels(6.0), ["0", "1", "2", "3", "4", "5", "6"]);
        assert_eq!(labels(60.0), ["0", "10", "20", "30", "40", "50", "60"]);
        assert_eq!(labels(1000.0).last().unwrap(), "1000");
        assert_eq!(labels(0.0042)[..3], ["0.0000", "0.0005", "0.0010"]);
        assert_eq!(labels(1.7), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0", "1.2", "1.4", "1.6"]);
        for end in (1..500).map(|n| f64::from(n) * 0.037) {
            let count = labels(end).len();
            assert!((3..=11).contains(&count), "{end} has {count} ticks");
        }
    }
}
