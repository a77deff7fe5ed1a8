//! One step, and what happens if its numbers are not finite.

use burn::optim::GradientsParams;

use super::Trainer;
use crate::batches::Batch;
use crate::error::TrainError;
use crate::ranks::Share;
use crate::train_report::{StepReport, TrainReport};

/// The remaining steps of a [`Trainer`], each made when the iterator is asked for it. An error ends the iteration.
#[derive(Debug)]
pub struct Steps<'t, 'a> {
    trainer: &'t mut Trainer<'a>,
    failed: bool,
}

impl Iterator for Steps<'_, '_> {
    type Item = Result<StepReport, TrainError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.trainer.is_done() {
            return None;
        }
        let step = self.trainer.step();
        self.failed = step.is_err();
        Some(step)
    }
}

impl<'a> Trainer<'a> {
    /// An iterator over the remaining steps. To end the training early, leave the loop.
    pub fn steps(&mut self) -> Steps<'_, 'a> {
        Steps { trainer: self, failed: false }
    }

    /// Makes the remaining steps. `progress` is called after each step, and the first step for which `stop` is true is the
    /// last one.
    ///
    /// # Errors
    ///
    /// The errors are those of [`step`](Self::step).
    pub fn run(
        &mut self,
        mut progress: impl FnMut(&StepReport),
        mut stop: impl FnMut(&StepReport) -> bool,
    ) -> Result<TrainReport, TrainError> {
        let (mut losses, mut stopped) = (vec![], false);
        for step in self.steps() {
            let step = step?;
            losses.push(step.loss);
            progress(&step);
            stopped = stop(&step);
            if stopped {
                break;
            }
        }
        Ok(TrainReport { losses, stopped: stopped && !self.is_done() })
    }
}

impl Trainer<'_> {
    /// Makes the next step.
    ///
    /// # Errors
    ///
    /// - [`TrainError::LossNotFinite`]. The trainer is then back before the previous step, so that a vector which that step
    ///   has spoilt is not kept.
    /// - [`TrainError::GradientNotFinite`]. The step was not made.
    /// - [`TrainError::ParameterNotFinite`]. The step was not made.
    /// - An input that the model refuses, and [`TrainError::OtherRank`] if another rank failed.
    ///
    /// With several tasks, an error about one of them is wrapped in [`TrainError::Task`].
    pub fn step(&mut self) -> Result<StepReport, TrainError> {
        let step = self.now.step;
        let micro_batches = self.config.gradient_accumulation_steps;
        let batches = self.batches.take(step * micro_batches, micro_batches);
        let Share { losses, tokens, grads } = self.share(&batches)?;
        self.check_losses(&losses, &batches)?;
        let (grads, norms) = self.clip(grads, &batches)?;
        let learning_rate = self.config.learning_rate * self.config.schedule.factor(step, self.config.steps);
        self.update(learning_rate, grads, &batches)?;
        let loss = losses.iter().sum::<f32>() / losses.len() as f32;
        let grad_norms = self.config.max_grad_norm.map(|_| norms);
        Ok(StepReport { step: step + 1, loss, losses, learning_rate, grad_norms, tokens })
    }

    /// Goes back before the previous step if a loss is not finite.
    fn check_losses(&mut self, losses: &[f32], batches: &[Batch]) -> Result<(), TrainError> {
        let Some((task, loss)) = not_finite(losses) else { return Ok(()) };
        let (step, examples) = (self.now.step + 1, rows_of(task, batches));
        let error = self.now.trained.error_of(task, TrainError::LossNotFinite { step, loss, examples });
        if let Some(before) = self.before.take() {
            self.now = before;
        }
        Err(error)
    }

    /// The clipped gradients, and the norms of each task before clipping.
    fn clip(
        &self,
        grads: GradientsParams,
        batches: &[Batch],
    ) -> Result<(GradientsParams, Vec<f32>), TrainError> {
        let bound = self.config.max_grad_norm.unwrap_or(f32::INFINITY);
        let (grads, norms) = self.now.trained.clip(grads, bound);
        let Some((task, norm)) = not_finite(&norms) else { return Ok((grads, norms)) };
        let (step, examples) = (self.now.step + 1, rows_of(task, batches));
        Err(self.now.trained.error_of(task, TrainError::GradientNotFinite { step, norm, examples }))
    }

    /// Updates the parameters, unless one would not be finite.
    fn update(
        &mut self,
        learning_rate: f64,
        grads: GradientsParams,
        batches: &[Batch],
    ) -> Result<(), TrainError> {
        let before = self.now.clone();
        let model = before.trained.model.clone();
        self.now.trained.model = self.now.optimizer.step(learning_rate, model, grads);
        if let Some(task) = self.now.trained.not_finite() {
            self.now = before;
            let (step, examples) = (self.now.step + 1, rows_of(task, batches));
            let error = TrainError::ParameterNotFinite { step, learning_rate, examples };
            return Err(self.now.trained.error_of(task, error));
        }
        self.now.step += 1;
        self.before = Some(before);
        Ok(())
    }
}

/// The first value that is not finite, and its position.
fn not_finite(values: &[f32]) -> Option<(usize, f32)> {
    values.iter().copied().enumerate().find(|(_, value)| !value.is_finite())
}

/// Positions in the data of the rows of a task.
fn rows_of(task: usize, batches: &[Batch]) -> Vec<usize> {
    batches.iter().flat_map(|batch| &batch[task]).map(|pick| pick.row).collect()
}
