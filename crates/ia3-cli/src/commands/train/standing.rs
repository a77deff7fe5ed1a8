//! Where a training stands, beside the state of its trainer: what checkpoints hold of it.

use ia3::train::{Evaluation, StepReport};
use serde::{Deserialize, Serialize};

use crate::args::MetricName;

/// Losses, evaluations and patience so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Standing {
    /// Of each task, in the first step.
    pub(super) first_losses: Vec<f32>,
    pub(super) last_losses: Vec<f32>,
    /// Before training, of each task that is evaluated.
    pub(super) before: Option<Vec<Option<Score>>>,
    pub(super) best: Option<Best>,
    /// Evaluations since the best one.
    pub(super) without_gain: usize,
    /// Seconds of all sessions so far.
    pub(super) seconds: f64,
    /// All is done: the steps are through, or patience ran out.
    pub(super) finished: bool,
}

impl Standing {
    /// After a step, so many seconds after the start.
    pub(super) fn step(&mut self, report: &StepReport, seconds: f64) {
        if self.first_losses.is_empty() {
            self.first_losses.clone_from(&report.losses);
        }
        self.last_losses.clone_from(&report.losses);
        self.seconds = seconds;
    }

    /// After an evaluation; whether it is the best so far, which `patience` more may follow that are not.
    pub(super) fn judge(&mut self, new: Best, metric: MetricName, patience: Option<usize>) -> bool {
        let best = self.best.is_none_or(|best| new.score.beats(best.score, metric));
        if best {
            self.best = Some(new);
            self.without_gain = 0;
        } else {
            self.without_gain += 1;
            self.finished = patience.is_some_and(|patience| self.without_gain >= patience);
        }
        best
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Score {
    pub(super) loss: f64,
    pub(super) exact_match: f64,
    /// Of classes and choices.
    #[serde(default)]
    pub(super) accuracy: Option<f64>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Best {
    pub(super) step: usize,
    pub(super) score: Score,
}

impl From<&Evaluation> for Score {
    fn from(e: &Evaluation) -> Self {
        Self { loss: e.loss, exact_match: e.exact_match, accuracy: e.accuracy }
    }
}

impl Score {
    fn beats(self, other: Self, metric: MetricName) -> bool {
        match metric {
            MetricName::Loss => self.loss < other.loss,
            MetricName::ExactMatch => self.exact_match > other.exact_match,
        }
    }

    /// The mean over tasks; `None` of none.
    pub(super) fn mean(scores: &[Self]) -> Option<Self> {
        let mean = |figures: Vec<f64>| figures.iter().sum::<f64>() / figures.len() as f64;
        let accuracies: Option<Vec<f64>> = scores.iter().map(|score| score.accuracy).collect();
        (!scores.is_empty()).then(|| Self {
            loss: mean(scores.iter().map(|score| score.loss).collect()),
            exact_match: mean(scores.iter().map(|score| score.exact_match).collect()),
            accuracy: accuracies.map(mean),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(loss: f64, exact_match: f64) -> Score {
        Score { loss, exact_match, accuracy: None }
    }

    #[test]
    fn tasks_count_alike_and_one_is_itself() {
        assert_eq!(Score::mean(&[]), None);
        assert_eq!(Score::mean(&[score(0.1, 0.7)]), Some(score(0.1, 0.7)));
        assert_eq!(Score::mean(&[score(1.0, 0.25), score(3.0, 0.75)]), Some(score(2.0, 0.5)));
        let with = |accuracy| Score { accuracy, ..score(1.0, 0.0) };
        assert_eq!(Score::mean(&[with(Some(0.0)), with(Some(1.0))]).unwrap().accuracy, Some(0.5));
    }

    #[test]
    fn patience_counts_evaluations_behind_the_best() {
        let mut standing = Standing::default();
        let mut judge = |step, loss| {
            let best = standing.judge(Best { step, score: score(loss, 0.0) }, MetricName::Loss, Some(2));
            (best, standing.finished)
        };
        assert_eq!(
            [judge(1, 2.0), judge(2, 1.0), judge(3, 1.0)],
            [(true, false), (true, false), (false, false)]
        );
        assert_eq!(
            (judge(4, 0.5), judge(5, 0.6), judge(6, 0.7)),
            ((true, false), (false, false), (false, true))
        );
    }
}
