use std::ops::ControlFlow;

use burn::module::Module;
use burn::optim::GradientsParams;
use ia3_data::Example;
use ia3_models::Model;

use crate::clip::clip_grad_norm;
use crate::error::TrainError;
use crate::kind::check;
use crate::objective::{LossConfig, loss};
use crate::optimizer::OptimizerConfig;
use crate::order::Order;
use crate::schedule::Schedule;

/// How to train.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainConfig {
    /// Optimiser steps.
    pub steps: usize,
    /// Examples a step.
    pub batch_size: usize,
    /// The peak learning rate. Vectors want more than weights do: 3e-3 and up.
    pub learning_rate: f64,
    /// Its course.
    pub schedule: Schedule,
    /// The optimiser.
    pub optimizer: OptimizerConfig,
    /// Bound of the joint norm of all gradients.
    pub max_grad_norm: Option<f32>,
    /// Batches whose examples are sorted by length together, so that a batch pads little; 1 sorts nothing.
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
    /// The loss of the batch before the step, as [`loss`](crate::loss()) gives it.
    pub loss: f32,
    /// The learning rate of the step.
    pub learning_rate: f64,
    /// Joint norm of the gradients before clipping, if they are clipped.
    pub grad_norm: Option<f32>,
    /// Real tokens of the batch.
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
/// the steps so far made it. The result is in training mode; take [`valid`](Module::valid) of it, or extract.
///
/// # Errors
///
/// Empty data or impossible settings, an input that the model refuses, and a loss that is not finite.
pub fn train(
    model: Model,
    examples: &[Example],
    config: &TrainConfig,
    on_step: &mut dyn FnMut(&StepReport) -> ControlFlow<()>,
) -> Result<(Model, TrainReport), TrainError> {
    config.check()?;
    check(examples, &model)?;
    let device = model.devices().first().cloned().unwrap_or_default();
    device.seed(config.seed);
    let mut model = model.train();
    let mut optimizer = config.optimizer.init();
    let mut order = Order::new(examples, config);
    let mut report = TrainReport { losses: vec![], stopped: false };
    for step in 0..config.steps {
        let indices = order.next_batch();
        let rows: Vec<_> = indices.iter().map(|&i| &examples[i]).collect();
        let (loss, tokens, grads) = backward(&model, &rows, &config.loss)?;
        if !loss.is_finite() {
            return Err(TrainError::LossNotFinite { step: step + 1, loss, examples: indices });
        }
        let (grads, grad_norm) = clip(grads, &model, config.max_grad_norm);
        let learning_rate = config.learning_rate * config.schedule.factor(step, config.steps);
        model = optimizer.step(learning_rate, model, grads);
        report.losses.push(loss);
        let done = StepReport { step: step + 1, loss, learning_rate, grad_norm, tokens };
        if on_step(&done).is_break() {
            report.stopped = step + 1 < config.steps;
            break;
        }
    }
    Ok((model, report))
}

/// Clips where there is a bound; the norm before it is known only then.
fn clip(grads: GradientsParams, model: &Model, max_norm: Option<f32>) -> (GradientsParams, Option<f32>) {
    let Some(max_norm) = max_norm else { return (grads, None) };
    let (grads, norm) = clip_grad_norm(grads, model, max_norm);
    (grads, Some(norm))
}

/// The loss of a micro-batch, its tokens and the gradients of its mean.
fn backward(
    model: &Model,
    examples: &[&Example],
    config: &LossConfig,
) -> Result<(f32, usize, GradientsParams), TrainError> {
    let loss = loss(model, examples, config)?;
    let grads = GradientsParams::from_grads(loss.total.backward(), model);
    Ok((loss.total.into_scalar::<f32>(), loss.tokens, grads))
}
