use std::time::Instant;

use ia3::train::StepReport;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A progress bar with the loss on standard error, and about ten lines for logs on standard output.
pub struct Progress {
    bar: ProgressBar,
    every: usize,
    recent: Vec<f32>,
    start: Instant,
}

impl Progress {
    /// Starts the bar of a training of so many steps.
    pub fn new(steps: usize) -> Self {
        let bar = ProgressBar::with_draw_target(Some(steps as u64), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg} {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, every: (steps / 10).max(1), recent: vec![], start: Instant::now() }
    }

    /// Shows a step.
    pub fn show(&mut self, step: &StepReport) {
        self.recent.push(step.loss);
        self.bar.set_message(format!("loss {:.4}", step.loss));
        self.bar.set_position(step.step as u64);
        if step.step.is_multiple_of(self.every) {
            let mean = self.recent.iter().sum::<f32>() / self.recent.len() as f32;
            let seconds = self.start.elapsed().as_secs_f64();
            let line = format!("  step {:5}  loss {mean:.4}  {seconds:.1} s", step.step);
            self.bar.suspend(|| println!("{line}"));
            self.recent.clear();
        }
    }

    /// Removes the bar. Returns the seconds since the start.
    pub fn finish(self) -> f64 {
        self.bar.finish_and_clear();
        self.start.elapsed().as_secs_f64()
    }
}
