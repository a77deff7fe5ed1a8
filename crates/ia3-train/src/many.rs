//! Many adapters in one run: every step has rows of each task, under its own adapter.

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};

use burn::module::{Module, ParamId};
use burn::optim::{GradientsParams, ModuleOptimizer};
use ia3_core::{Adapter, attach_rows};
use ia3_data::{Example, Target};
use ia3_models::Model;

use crate::clip::clip_grad_norm_of;
use crate::error::TrainError;
use crate::kind::check;
use crate::objective::{Loss, LossConfig, losses};
use crate::order::Order;
use crate::train::TrainConfig;

/// An adapter and what it is to learn from.
#[derive(Clone, Debug)]
pub struct AdapterTask<'a> {
    /// The adapter to start with; it fits the base.
    pub adapter: Adapter,
    /// Its examples; the targets of all tasks are of one kind.
    pub examples: &'a [Example],
}

/// One step of [`train_many`], as a progress callback sees it; of each task, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct ManyStepReport {
    /// The step just done, from 1.
    pub step: usize,
    /// The loss on each task's rows.
    pub losses: Vec<f32>,
    /// Joint norm of each adapter's gradients before clipping, if they are clipped.
    pub grad_norms: Option<Vec<f32>>,
    /// The learning rate of the step.
    pub learning_rate: f64,
    /// Real tokens of all rows.
    pub tokens: usize,
}

/// Trains the adapter of each task in one run over one `base`: every step runs `batch_size` examples of each task in one
/// batch, each row under its own adapter ([`attach_rows`]), and each row's gradient reaches that adapter alone.
///
/// Batches, losses, clipping, steps and rates of a task are those of [`train`](crate::train()) with the same `config` on
/// it alone, so the adapters come out the same but for rounding; dropout draws differently.
///
/// Returns the trained adapters, in the order of the tasks. `on_step` may end the training early.
///
/// # Errors
///
/// As [`train`](crate::train()), [`TrainError::Setting`] for gradients accumulated over micro-batches,
/// [`TrainError::NoExamples`] without a task, [`TrainError::SameAdapter`], and [`TrainError::Adapter`] for an adapter
/// that does not fit the base.
pub fn train_many(
    base: &Model,
    tasks: &[AdapterTask],
    config: &TrainConfig,
    on_step: &mut dyn FnMut(&ManyStepReport) -> ControlFlow<()>,
) -> Result<Vec<Adapter>, TrainError> {
    config.check()?;
    check_accumulation(config)?;
    check(tasks.iter().flat_map(|task| task.examples), base)?;
    tasks.iter().try_for_each(|task| check(task.examples, base).map(|_| ()))?;
    check_distinct(tasks)?;
    let device = base.devices().first().cloned().unwrap_or_default();
    device.seed(config.seed);
    let mut orders: Vec<Order> = tasks.iter().map(|task| Order::new(task.examples, config)).collect();
    let mut run = Run::new(base, tasks, config);
    for step in 0..config.steps {
        let indices: Vec<Vec<usize>> = orders.iter_mut().map(Order::next_batch).collect();
        let picked = tasks.iter().zip(&indices);
        let groups: Vec<Vec<&Example>> =
            picked.map(|(task, indices)| indices.iter().map(|&i| &task.examples[i]).collect()).collect();
        let done = run.step(step, &groups)?;
        if let Some(task) = done.losses.iter().position(|loss| !loss.is_finite()) {
            let (loss, examples) = (done.losses[task], indices[task].clone());
            return Err(TrainError::LossNotFinite { step: step + 1, loss, examples });
        }
        if on_step(&done).is_break() {
            break;
        }
    }
    run.finish()
}

fn check_accumulation(config: &TrainConfig) -> Result<(), TrainError> {
    match config.gradient_accumulation_steps {
        1 => Ok(()),
        count => Err(TrainError::Setting {
            name: "gradient_accumulation_steps",
            found: count.to_string(),
            expected: "1 where many adapters are trained together",
        }),
    }
}

fn check_distinct(tasks: &[AdapterTask]) -> Result<(), TrainError> {
    let ids = tasks.iter().flat_map(|task| task.adapter.param_ids());
    let mut seen = BTreeSet::new();
    if ids.into_iter().all(|id| seen.insert(id)) { Ok(()) } else { Err(TrainError::SameAdapter) }
}

/// A training under way.
struct Run<'a> {
    base: &'a Model,
    config: &'a TrainConfig,
    optimizer: ModuleOptimizer,
    adapters: Vec<Adapter>,
    /// The base with the adapters, for batches of so many rows of each.
    model: Option<(Vec<usize>, Model)>,
}

impl<'a> Run<'a> {
    fn new(base: &'a Model, tasks: &[AdapterTask], config: &'a TrainConfig) -> Self {
        let adapters = tasks.iter().map(|task| task.adapter.clone()).collect();
        Self { base, config, optimizer: config.optimizer.init(), adapters, model: None }
    }

    fn step(&mut self, step: usize, groups: &[Vec<&Example>]) -> Result<ManyStepReport, TrainError> {
        let rows: Vec<usize> = groups.iter().map(|group| rows(group, &self.config.loss)).collect();
        let model = self.model_for(&rows)?;
        let losses = losses(&model, groups, &self.config.loss)?;
        let total = losses.iter().map(|loss| loss.total.clone()).reduce(|a, b| a + b);
        let total = total.ok_or(TrainError::NoExamples)?;
        let grads = GradientsParams::from_grads(total.backward(), &model);
        let (grads, grad_norms) = self.clip(grads, &model);
        let learning_rate = self.config.learning_rate * self.config.schedule.factor(step, self.config.steps);
        self.model = Some((rows, self.optimizer.step(learning_rate, model, grads)));
        Ok(ManyStepReport {
            step: step + 1,
            tokens: losses.iter().map(|loss| loss.tokens).sum(),
            losses: losses.into_iter().map(|loss: Loss| loss.total.into_scalar::<f32>()).collect(),
            grad_norms,
            learning_rate,
        })
    }

    /// The adapters as they are now, on the base, for so many rows of each.
    fn model_for(&mut self, rows: &[usize]) -> Result<Model, TrainError> {
        match self.model.take() {
            Some((counts, model)) if counts == rows => return Ok(model),
            Some((_, model)) => self.read_back(&model)?,
            None => (),
        }
        let named = self.adapters.iter().zip(rows);
        let rows: Vec<Option<&Adapter>> =
            named.flat_map(|(adapter, &count)| std::iter::repeat_n(Some(adapter), count)).collect();
        Ok(attach_rows(self.base, &rows)?.train())
    }

    fn read_back(&mut self, model: &Model) -> Result<(), TrainError> {
        for adapter in &mut self.adapters {
            *adapter = adapter.extract(model)?;
        }
        Ok(())
    }

    fn clip(&self, mut grads: GradientsParams, model: &Model) -> (GradientsParams, Option<Vec<f32>>) {
        let Some(max_norm) = self.config.max_grad_norm else { return (grads, None) };
        let mut norms = vec![];
        for adapter in &self.adapters {
            let own: Vec<ParamId> = adapter.param_ids();
            let norm;
            (grads, norm) = clip_grad_norm_of(grads, model, max_norm, |id| own.contains(&id));
            norms.push(norm);
        }
        (grads, Some(norms))
    }

    fn finish(mut self) -> Result<Vec<Adapter>, TrainError> {
        if let Some((_, model)) = self.model.take() {
            self.read_back(&model)?;
        }
        Ok(self.adapters)
    }
}

/// Rows of a batch that examples take: one each, or one for each choice where choices are compared.
fn rows(examples: &[&Example], config: &LossConfig) -> usize {
    let rows = |example: &&Example| match &example.target {
        Target::Choices { choices, .. } if config.compares() => choices.len(),
        _ => 1,
    };
    examples.iter().map(rows).sum()
}

/// Consecutive ranges of these lengths.
pub(crate) fn ranges(lengths: impl IntoIterator<Item = usize>) -> Vec<Range<usize>> {
    let mut end = 0;
    let range = |length| {
        end += length;
        end - length..end
    };
    lengths.into_iter().map(range).collect()
}
