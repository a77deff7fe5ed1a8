use std::ops::ControlFlow;

use ia3_data::Example;
use ia3_models::Model;

use crate::dataset::Dataset;
use crate::error::TrainError;
use crate::objective::LossConfig;
use crate::optimizer::OptimizerConfig;
use crate::schedule::Schedule;
use crate::trainer::Trainer;

/// How to train.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainConfig {
    /// Optimiser steps.
    pub steps: usize,
    /// Examples a micro-batch: a step has `gradient_accumulation_steps` of them.
    pub batch_size: usize,
    /// Micro-batches a step. The step's loss is the mean of their losses, each a mean over its own micro-batch, as in
    /// PyTorch Lightning, which T-Few uses: with texts of different lengths that is not the loss of one large batch.
    pub gradient_accumulation_steps: usize,
    /// The peak learning rate. Vectors want more than weights do: 3e-3 and up.
    pub learning_rate: f64,
    /// Its course.
    pub schedule: Schedule,
    /// The optimiser.
    pub optimizer: OptimizerConfig,
    /// Bound of the joint norm of all gradients.
    pub max_grad_norm: Option<f32>,
    /// Whether the rows come in a new random order each round; otherwise they come in the order of the data, each round
    /// anew, the last batch of a round being smaller where they do not divide. A given order of batches is data that
    /// lists the rows in that order, as often as they come.
    pub shuffle: bool,
    /// Batches whose examples are sorted by length together, so that a batch pads little; 1 sorts nothing, and is what an
    /// order without `shuffle` needs.
    pub bucket: usize,
    /// Seed of the order of examples and of dropout.
    pub seed: u64,
    /// The loss.
    pub loss: LossConfig,
}

impl TrainConfig {
    pub(crate) fn check(&self) -> Result<(), TrainError> {
        let at_least_one = |name, value: usize| match value {
            0 => Err(TrainError::Setting { name, found: "0".into(), expected: "at least 1" }),
            _ => Ok(()),
        };
        at_least_one("steps", self.steps)?;
        at_least_one("batch_size", self.batch_size)?;
        at_least_one("bucket", self.bucket)?;
        at_least_one("gradient_accumulation_steps", self.gradient_accumulation_steps)?;
        if !self.shuffle && self.bucket > 1 {
            let (found, expected) =
                (self.bucket.to_string(), "1 where `shuffle` is off, as it would reorder rows");
            return Err(TrainError::Setting { name: "bucket", found, expected });
        }
        let rate = self.learning_rate;
        if rate > 0.0 && rate.is_finite() {
            return self.loss.check();
        }
        let expected = "a positive number";
        Err(TrainError::Setting { name: "learning_rate", found: rate.to_string(), expected })
    }
}

/// One step, as a progress callback sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    /// The step just done, from 1.
    pub step: usize,
    /// The loss before the step, as [`loss`](crate::loss()) gives it: the mean of micro-batches, and of tasks.
    pub loss: f32,
    /// Of each task that trains, in their order; one of a plain model.
    pub losses: Vec<f32>,
    /// The learning rate of the step.
    pub learning_rate: f64,
    /// Joint norm of the gradients of each task before clipping, if they are clipped.
    pub grad_norms: Option<Vec<f32>>,
    /// Real tokens of the step.
    pub tokens: usize,
}

/// What a training did.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainReport {
    /// The loss of every step.
    pub losses: Vec<f32>,
    /// Whether the callback ended it early.
    pub stopped: bool,
}

/// Trains whatever requires gradients in `model` on `examples`: on an adapted model, the vectors.
///
/// `on_step` sees every step and may end the training with [`ControlFlow::Break`]; the model is then what
/// the steps so far made it. The result is in training mode; take [`valid`](burn::module::Module::valid) of it, or
/// extract. A training that goes on after it was killed is made of [`Trainer`]'s steps.
///
/// # Errors
///
/// Empty data or impossible settings, an input that the model refuses, and a loss or gradients that are not finite.
pub fn train(
    model: Model,
    examples: &[Example],
    config: &TrainConfig,
    on_step: &mut dyn FnMut(&StepReport) -> ControlFlow<()>,
) -> Result<(Model, TrainReport), TrainError> {
    let data = Dataset::from(examples);
    let mut trainer = Trainer::new(model, &data, config)?;
    let report = all_steps(&mut trainer, on_step)?;
    Ok((trainer.into_model(), report))
}

/// Steps to the end, or until `on_step` ends them.
pub(crate) fn all_steps(
    trainer: &mut Trainer,
    on_step: &mut dyn FnMut(&StepReport) -> ControlFlow<()>,
) -> Result<TrainReport, TrainError> {
    let mut report = TrainReport { losses: vec![], stopped: false };
    while !trainer.is_done() {
        let done = trainer.step()?;
        report.losses.push(done.loss);
        if on_step(&done).is_break() {
            report.stopped = !trainer.is_done();
            break;
        }
    }
    Ok(report)
}
