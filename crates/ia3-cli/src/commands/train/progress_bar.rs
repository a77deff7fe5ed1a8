//! The progress of a training on standard error.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use ia3::train::StepReport;

use super::progress_state::Score;
use crate::output;
use crate::progress::Progress;

/// Loss, held-out figures, tokens per second and remaining time: a bar on a terminal, lines elsewhere.
pub(super) struct ProgressBar {
    progress: Progress,
    start: Instant,
    /// Steps per line where there is no terminal.
    every: usize,
    /// Tokens so far.
    tokens: Cell<usize>,
    /// The figures of the last evaluation.
    held_out: RefCell<String>,
}

impl ProgressBar {
    /// Starts at `done` of `steps` steps.
    pub(super) fn new(steps: usize, done: usize) -> Self {
        Self {
            progress: Progress::of("training", steps, done, "steps"),
            every: (steps / 20).max(1),
            start: Instant::now(),
            tokens: Default::default(),
            held_out: Default::default(),
        }
    }

    pub(super) fn show(&self, step: &StepReport) {
        self.tokens.set(self.tokens.get() + step.tokens);
        let rate = self.tokens.get() as f64 / self.start.elapsed().as_secs_f64();
        let figures = format!("loss {:.4}{}, {rate:.0} tokens/s", step.loss, self.held_out.borrow());
        self.progress.set(step.step, &figures);
        if self.progress.is_hidden() && step.step.is_multiple_of(self.every) {
            output::say(format_args!(
                "step {}: loss {:.4}, learning rate {:.2e}, {rate:.0} tokens/s",
                step.step, step.loss, step.learning_rate
            ));
        }
    }

    /// Shows an evaluation: on a line of its own, and in the bar until the next one.
    pub(super) fn show_evaluation(&self, step: usize, score: Score) {
        let figures = figures(score);
        self.progress.above(|| output::say(format_args!("step {step}: {figures}")));
        *self.held_out.borrow_mut() = format!(", {figures}");
    }
}

/// `held-out loss 0.3120, exact match 40.0 %`
pub(super) fn figures(score: Score) -> String {
    let measured = [("F1", score.f1), ("correlation", score.pearson), ("accuracy", score.accuracy)];
    let found = measured.into_iter().find_map(|(what, share)| Some((what, share?)));
    let (what, share) = found.unwrap_or(("exact match", score.exact_match));
    format!("held-out loss {:.4}, {what} {:.1} %", score.loss, 100.0 * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_evaluation_is_shown_with_its_metric() {
        let score = Score { loss: 0.25, exact_match: 0.5, accuracy: None, f1: None, pearson: None };
        assert_eq!(figures(score), "held-out loss 0.2500, exact match 50.0 %");
        assert_eq!(figures(Score { accuracy: Some(0.75), ..score }), "held-out loss 0.2500, accuracy 75.0 %");
        assert_eq!(figures(Score { f1: Some(0.1), ..score }), "held-out loss 0.2500, F1 10.0 %");
    }
}
