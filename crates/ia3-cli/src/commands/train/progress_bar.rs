//! The progress of a training on standard error.

use std::cell::Cell;
use std::time::Instant;

use ia3::train::StepReport;
use indicatif::ProgressStyle;

/// Loss, tokens per second and remaining time: a bar on a terminal, lines elsewhere.
pub(super) struct ProgressBar {
    bar: indicatif::ProgressBar,
    start: Instant,
    /// Steps per line where there is no terminal.
    every: usize,
    /// Tokens so far.
    tokens: Cell<usize>,
}

impl ProgressBar {
    /// Starts at `done` of `steps` steps.
    pub(super) fn new(steps: usize, done: usize) -> Self {
        let template = "{bar:30} {pos}/{len} {msg} {eta} left";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = indicatif::ProgressBar::new(steps as u64).with_style(style).with_position(done as u64);
        Self { bar, every: (steps / 20).max(1), start: Instant::now(), tokens: Default::default() }
    }

    pub(super) fn show(&self, step: &StepReport) {
        self.tokens.set(self.tokens.get() + step.tokens);
        let rate = self.tokens.get() as f64 / self.start.elapsed().as_secs_f64();
        self.bar.set_message(format!("loss {:.4} {rate:.0} tokens/s", step.loss));
        self.bar.set_position(step.step as u64);
        if self.bar.is_hidden() && step.step.is_multiple_of(self.every) {
            eprintln!(
                "step {}: loss {:.4}, learning rate {:.2e}, {rate:.0} tokens/s",
                step.step, step.loss, step.learning_rate
            );
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
