//! The progress of a training that checkpoints hold beside the state of the trainer.

use ia3::train::{Evaluation, Metric, StepReport};
use serde::{Deserialize, Serialize};

use crate::args::MetricName;

/// Losses and evaluations so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct ProgressState {
    /// Loss of each task in the first step.
    pub(super) first_losses: Vec<f32>,
    /// Loss of each task in the last step.
    pub(super) last_losses: Vec<f32>,
    /// Scores of the base, per task; `None` for a task without held-out examples.
    pub(super) before: Option<Vec<Option<Score>>>,
    pub(super) best: Option<Best>,
    /// Number of evaluations since the best one.
    pub(super) without_gain: usize,
    /// Seconds of training, over all runs of the command.
    pub(super) seconds: f64,
    /// Whether all steps are done or the patience has run out.
    pub(super) finished: bool,
}

impl ProgressState {
    /// Adds a step that ended `seconds` after the start of the training.
    pub(super) fn add_step(&mut self, report: &StepReport, seconds: f64) {
        if self.first_losses.is_empty() {
            self.first_losses.clone_from(&report.losses);
        }
        self.last_losses.clone_from(&report.losses);
        self.seconds = seconds;
    }

    /// Adds an evaluation; returns whether it is the best one so far. The training is finished after `patience`
    /// evaluations that are not.
    pub(super) fn add_evaluation(&mut self, new: Best, metric: MetricName, patience: Option<usize>) -> bool {
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

/// The figures of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Score {
    pub(super) loss: f64,
    pub(super) exact_match: f64,
    /// Accuracy of classes and of choices; `None` where texts are generated.
    #[serde(default)]
    pub(super) accuracy: Option<f64>,
    /// F1 of entities, or of the classes of rows with several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) f1: Option<f64>,
    /// The correlation of the numbers of a regression with the targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pearson: Option<f64>,
}

/// The best evaluation and its step.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Best {
    pub(super) step: usize,
    pub(super) score: Score,
}

impl From<&Evaluation> for Score {
    fn from(e: &Evaluation) -> Self {
        let measured = |metric| (e.metric == metric).then_some(e.score);
        Self {
            loss: e.loss,
            exact_match: e.exact_match,
            accuracy: e.accuracy,
            f1: measured(Metric::F1),
            pearson: measured(Metric::Pearson),
        }
    }
}

impl Score {
    fn beats(self, other: Self, metric: MetricName) -> bool {
        match metric {
            MetricName::Loss => self.loss < other.loss,
            MetricName::ExactMatch => self.exact_match > other.exact_match,
            MetricName::F1 => self.f1 > other.f1,
            MetricName::Pearson => self.pearson > other.pearson,
        }
    }

    /// The mean over tasks; `None` for an empty list.
    pub(super) fn mean(scores: &[Self]) -> Option<Self> {
        let mean = |figures: Vec<f64>| figures.iter().sum::<f64>() / figures.len() as f64;
        let some =
            |of: fn(&Self) -> Option<f64>| scores.iter().map(of).collect::<Option<Vec<f64>>>().map(mean);
        (!scores.is_empty()).then(|| Self {
            loss: mean(scores.iter().map(|score| score.loss).collect()),
            exact_match: mean(scores.iter().map(|score| score.exact_match).collect()),
            accuracy: some(|score| score.accuracy),
            f1: some(|score| score.f1),
            pearson: some(|score| score.pearson),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(loss: f64, exact_match: f64) -> Score {
        Score { loss, exact_match, accuracy: None, f1: None, pearson: None }
    }

    #[test]
    fn the_mean_weighs_all_tasks_equally() {
        assert_eq!(Score::mean(&[]), None);
        assert_eq!(Score::mean(&[score(0.1, 0.7)]), Some(score(0.1, 0.7)));
        assert_eq!(Score::mean(&[score(1.0, 0.25), score(3.0, 0.75)]), Some(score(2.0, 0.5)));
        let with = |accuracy| Score { accuracy, ..score(1.0, 0.0) };
        assert_eq!(Score::mean(&[with(Some(0.0)), with(Some(1.0))]).unwrap().accuracy, Some(0.5));
    }

    #[test]
    fn patience_counts_evaluations_since_the_best() {
        let mut progress = ProgressState::default();
        let mut add = |step, loss| {
            let best =
                progress.add_evaluation(Best { step, score: score(loss, 0.0) }, MetricName::Loss, Some(2));
            (best, progress.finished)
        };
        assert_eq!([add(1, 2.0), add(2, 1.0), add(3, 1.0)], [(true, false), (true, false), (false, false)]);
        assert_eq!((add(4, 0.5), add(5, 0.6), add(6, 0.7)), ((true, false), (false, false), (false, true)));
    }
}
