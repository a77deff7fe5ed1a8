use std::fmt;
use std::time::{Duration, Instant};

/// How long a second piece of work takes against a first one.
#[derive(Clone, Debug)]
pub struct Ratios {
    /// Second by first of every round, sorted.
    ratios: Vec<f64>,
}

/// Runs two pieces of work in turns, each going first in every other round, so that what else the machine does hits
/// both. One round before is not counted.
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
    /// The value below which this share of the rounds lies.
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
