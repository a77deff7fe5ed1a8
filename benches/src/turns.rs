//! Two pieces of work, timed alternately.

use std::fmt;
use std::time::{Duration, Instant};

/// The time of a second piece of work divided by that of a first one.
#[derive(Clone, Debug)]
pub struct Ratios {
    /// The ratio of every round, sorted.
    ratios: Vec<f64>,
}

/// Runs two pieces of work alternately, so that other work of the machine affects both. They take turns in going first. One
/// round before is not counted.
pub fn in_turns(rounds: usize, mut first: impl FnMut(), mut second: impl FnMut()) -> Ratios {
    let mut round = |swapped: bool| {
        let (mut a, mut b) = (Duration::ZERO, Duration::ZERO);
        if swapped {
            b = timed(&mut second);
        }
        a += timed(&mut first);
        if !swapped {
            b = timed(&mut second);
        }
        b.as_secs_f64() / a.as_secs_f64()
    };
    round(false);
    let mut ratios: Vec<f64> = (0..rounds).map(|i| round(i % 2 == 1)).collect();
    ratios.sort_by(f64::total_cmp);
    Ratios { ratios }
}

fn timed(work: &mut impl FnMut()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

impl Ratios {
    /// The quantile of the ratios, for a share from 0 to 1.
    pub fn quantile(&self, share: f64) -> f64 {
        self.ratios[((self.ratios.len() - 1) as f64 * share).round() as usize]
    }
}

impl fmt::Display for Ratios {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [low, median, high] = [0.25, 0.5, 0.75].map(|share| self.quantile(share));
        write!(f, "{median:.3} times as long (quartiles {low:.3} to {high:.3}, {} rounds)", self.ratios.len())
    }
}
