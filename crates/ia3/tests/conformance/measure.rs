//! Largest differences by what was compared.

use std::fmt;

/// Parameters after five steps: a step of an adaptive optimiser is of the size of its rate however small the gradient, so
/// the rounding of a gradient that is nearly 0 is seen.
pub(crate) const FIVE_STEPS: f64 = 1e-4;
/// As in the test `tfew`.
pub(crate) const TWENTY_STEPS: f64 = 5e-5;

/// One row each: the largest difference over all cases, and its tolerance.
#[derive(Default)]
pub(crate) struct Table(Vec<(String, f64, f64)>);

impl Table {
    pub(crate) fn add(&mut self, what: &str, difference: f64, tolerance: f64) {
        match self.0.iter_mut().find(|(name, _, _)| name == what) {
            Some((_, largest, _)) => *largest = largest.max(difference),
            None => self.0.push((what.into(), difference, tolerance)),
        }
    }

    pub(crate) fn failures(&self) -> Vec<String> {
        let failed = self.0.iter().filter(|(_, difference, tolerance)| difference > tolerance);
        failed
            .map(|(what, difference, tolerance)| format!("{what}: {difference:.1e} > {tolerance:.0e}"))
            .collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| {:?} | largest difference | tolerance |\n|---|---|---|", crate::common::device())?;
        let mut row = |(what, difference, tolerance): &(String, f64, f64)| {
            writeln!(f, "| {what} | {difference:.1e} | {tolerance:.0e} |")
        };
        self.0.iter().try_for_each(&mut row)
    }
}

/// The largest difference; infinite where one is NaN.
pub(crate) fn absolute(got: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(got.len(), expected.len());
    let difference = |(g, e): (&f64, &f64)| if (g - e).is_nan() { f64::INFINITY } else { (g - e).abs() };
    got.iter().zip(expected).map(difference).fold(0.0, f64::max)
}

/// The same of the largest expected value.
pub(crate) fn relative(got: &[f64], expected: &[f64]) -> f64 {
    absolute(got, expected) / expected.iter().fold(f64::MIN_POSITIVE, |m, e| m.max(e.abs()))
}
