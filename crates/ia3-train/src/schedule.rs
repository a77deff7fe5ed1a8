use serde::{Deserialize, Serialize};

/// The learning rate over the steps, as a factor on its peak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Schedule {
    /// The peak rate at every step.
    Constant,
    /// Rises linearly from 0 to the peak over `warmup` steps, then falls linearly to 0 at the end. This is
    /// `get_linear_schedule_with_warmup` of transformers; the first of several warm-up steps has the rate 0.
    Linear {
        /// Number of warm-up steps.
        warmup: usize,
    },
    /// As [`Linear`](Self::Linear), but the factor during the warm-up is `(step + 1) / warmup`. The first step has a rate
    /// above 0, and the last warm-up step and the step after it have the peak rate.
    LinearFromFirst {
        /// Number of warm-up steps.
        warmup: usize,
    },
}

impl Schedule {
    /// [`Linear`](Self::Linear) with a warm-up of `ratio` times `steps` steps, rounded down.
    pub fn linear(ratio: f64, steps: usize) -> Self {
        Self::Linear { warmup: (ratio * steps as f64) as usize }
    }

    /// The factor at `step` of `steps`; steps count from 0.
    pub fn factor(self, step: usize, steps: usize) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::Linear { warmup } if step < warmup => step as f64 / warmup as f64,
            Self::LinearFromFirst { warmup } if step < warmup => (step + 1) as f64 / warmup as f64,
            Self::Linear { warmup } | Self::LinearFromFirst { warmup } => {
                let decay = steps.saturating_sub(warmup).max(1);
                steps.saturating_sub(step) as f64 / decay as f64
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Schedule;

    #[test]
    fn linear_rises_from_zero_and_falls_to_zero() {
        let factors = |warmup, at: &[usize]| -> Vec<f64> {
            at.iter().map(|&s| Schedule::Linear { warmup }.factor(s, 1000)).collect()
        };
        assert_eq!(factors(60, &[0, 30, 60, 530, 1000]), [0.0, 0.5, 1.0, 0.5, 0.0]);
        assert_eq!(factors(0, &[0, 500]), [1.0, 0.5]);
        assert_eq!(Schedule::linear(0.06, 1000), Schedule::Linear { warmup: 60 });
        let from_first = |s| Schedule::LinearFromFirst { warmup: 4 }.factor(s, 8);
        assert_eq!([0, 1, 3, 4, 6, 8].map(from_first), [0.25, 0.5, 1.0, 1.0, 0.5, 0.0]);
        assert_eq!(Schedule::LinearFromFirst { warmup: 0 }.factor(0, 8), 1.0);
        assert_eq!(Schedule::Constant.factor(999, 1000), 1.0);
    }
}
