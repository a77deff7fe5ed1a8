//! A step, and what becomes of one whose numbers are not finite.

use burn::optim::GradientsParams;

use super::Trainer;
use crate::error::TrainError;
use crate::feed::Batch;
use crate::ranks::Share;
use crate::train::StepReport;

impl Trainer<'_> {
    /// Makes the next step.
    ///
    /// # Errors
    ///
    /// [`TrainError::LossNotFinite`] and [`TrainError::GradientNotFinite`]: the trainer is then back at the last step
    /// whose loss was finite, so that a vector which that step has spoilt is not kept. [`TrainError::ParameterNotFinite`]:
    /// the step was not done. Of many adapters they are [`TrainError::Task`], which says of which. An input that the model
    /// refuses, and [`TrainError::OtherRank`] where another rank met that.
    pub fn step(&mut self) -> Result<StepReport, TrainError> {
        let step = self.now.step;
        let micro_batches = self.config.gradient_accumulation_steps;
        let batches = self.feed.batches(step * micro_batches, micro_batches);
        let Share { losses, tokens, grads } = self.share(&batches)?;
        if let Some((task, loss)) = not_finite(&losses) {
            let examples = rows_of(task, &batches);
            let error = TrainError::LossNotFinite { step: step + 1, loss, examples };
            let error = self.now.learner.name(task, error);
            self.roll_back();
            return Err(error);
        }
        let bound = self.config.max_grad_norm;
        let (grads, norms) = self.now.learner.clip(grads, bound.unwrap_or(f32::INFINITY));
        if let Some((task, norm)) = not_finite(&norms) {
            let examples = rows_of(task, &batches);
            let error = TrainError::GradientNotFinite { step: step + 1, norm, examples };
            return Err(self.now.learner.name(task, error));
        }
        let learning_rate = self.config.learning_rate * self.config.schedule.factor(step, self.config.steps);
        self.update(learning_rate, grads, &batches)?;
        let loss = losses.iter().sum::<f32>() / losses.len() as f32;
        let grad_norms = bound.map(|_| norms);
        Ok(StepReport { step: step + 1, loss, losses, learning_rate, grad_norms, tokens })
    }

    /// The optimiser's part of a step.
    fn update(
        &mut self,
        learning_rate: f64,
        grads: GradientsParams,
        batches: &[Batch],
    ) -> Result<(), TrainError> {
        let before = self.now.clone();
        let model = before.learner.model.clone();
        self.now.learner.model = self.now.optimizer.step(learning_rate, model, grads);
        if let Some(task) = self.now.learner.broken() {
            self.now = before;
            let (step, examples) = (self.now.step + 1, rows_of(task, batches));
            let error = TrainError::ParameterNotFinite { step, learning_rate, examples };
            return Err(self.now.learner.name(task, error));
        }
        self.now.step += 1;
        self.before = Some(before);
        Ok(())
    }

    fn roll_back(&mut self) {
        if let Some(before) = self.before.take() {
            self.now = before;
        }
    }
}

/// The first value that is not finite, and whose it is.
fn not_finite(values: &[f32]) -> Option<(usize, f32)> {
    values.iter().copied().enumerate().find(|(_, value)| !value.is_finite())
}

/// Positions of the rows of a task.
fn rows_of(task: usize, batches: &[Batch]) -> Vec<usize> {
    batches.iter().flat_map(|batch| &batch[task]).map(|pick| pick.row).collect()
}
