use std::time::Instant;

use anyhow::Context;
use ia3::train::{Dataset, Example, TrainConfig};
use ia3::{Adapter, Model};

/// What a training made.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// The vectors and the head.
    pub adapter: Adapter,
    /// The loss of each step.
    pub losses: Vec<f32>,
    /// Seconds per step; of a training together, per step for all adapters.
    pub seconds: f64,
}

/// An adapter to start with, and the rows of its domain.
pub type DomainTask<'a> = (Adapter, &'a Dataset);

/// Trains the adapter of each task alone.
///
/// # Errors
///
/// As [`Train::run`](ia3::Train::run).
pub fn one_by_one(base: &Model, tasks: &[DomainTask], config: &TrainConfig) -> anyhow::Result<Vec<Fitted>> {
    let fit = |(adapter, data): &DomainTask| {
        let start = Instant::now();
        let trained = base.with_adapter(adapter)?.train(*data).config(config.clone()).run()?;
        let seconds = start.elapsed().as_secs_f64() / config.steps as f64;
        Ok(Fitted { adapter: trained.model.adapter()?.clone(), losses: trained.report.losses, seconds })
    };
    tasks.iter().map(fit).collect()
}

/// Trains the adapters of all tasks in one run, whose batches have rows of every task.
///
/// # Errors
///
/// As [`Train::run`](ia3::Train::run).
pub fn together(base: &Model, tasks: &[DomainTask], config: &TrainConfig) -> anyhow::Result<Vec<Fitted>> {
    let mut losses = vec![vec![]; tasks.len()];
    let start = Instant::now();
    let training = base.train_adapters(tasks.iter().map(|(adapter, data)| (adapter, *data)));
    let training = training.config(config.clone()).on_step(|step| {
        losses.iter_mut().zip(&step.losses).for_each(|(all, loss)| all.push(*loss));
    });
    let adapters = training.run()?.adapters;
    let seconds = start.elapsed().as_secs_f64() / config.steps as f64;
    let fitted = adapters.into_iter().zip(losses);
    Ok(fitted.map(|(adapter, losses)| Fitted { adapter, losses, seconds }).collect())
}

/// The share of rows that the base with this adapter classifies right.
///
/// # Errors
///
/// As [`Evaluate::run`](ia3::Evaluate::run).
pub fn accuracy(base: &Model, adapter: &Adapter, rows: &[Example]) -> anyhow::Result<f64> {
    let evaluation = base.with_adapter(adapter)?.evaluate(rows).batch_size(50).run()?;
    evaluation.accuracy.context("a classifier has an accuracy")
}
