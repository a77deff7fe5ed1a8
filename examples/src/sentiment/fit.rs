use std::time::Instant;

use anyhow::Context;
use ia3::attach;
use ia3::core::Adapter;
use ia3::models::Model;
use ia3::train::{AdapterTask, Example, TrainConfig, Trainer, evaluate};

/// What a training made.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// The vectors and the head.
    pub adapter: Adapter,
    /// The loss of each step.
    pub losses: Vec<f32>,
    /// Seconds a step; of a training together, of the step for all.
    pub seconds: f64,
}

/// Trains the adapter of each task by itself.
///
/// # Errors
///
/// What [`Trainer`] refuses.
pub fn one_by_one(base: &Model, tasks: &[AdapterTask], config: &TrainConfig) -> anyhow::Result<Vec<Fitted>> {
    let fit = |task: &AdapterTask| {
        let start = Instant::now();
        let mut trainer = Trainer::new(attach(base, &[&task.adapter])?, task.data, config)?;
        let mut losses = vec![];
        while !trainer.is_done() {
            losses.push(trainer.step()?.loss);
        }
        let seconds = start.elapsed().as_secs_f64() / config.steps as f64;
        Ok(Fitted { adapter: task.adapter.extract(trainer.model())?, losses, seconds })
    };
    tasks.iter().map(fit).collect()
}

/// Trains the adapters of all tasks in one run, whose batches have rows of every task.
///
/// # Errors
///
/// What [`Trainer`] refuses.
pub fn together(base: &Model, tasks: &[AdapterTask], config: &TrainConfig) -> anyhow::Result<Vec<Fitted>> {
    let mut losses = vec![vec![]; tasks.len()];
    let start = Instant::now();
    let mut trainer = Trainer::multi_task(base, tasks, config)?;
    for step in trainer.steps() {
        losses.iter_mut().zip(&step?.losses).for_each(|(all, loss)| all.push(*loss));
    }
    let seconds = start.elapsed().as_secs_f64() / config.steps as f64;
    let fitted = trainer.adapters()?.into_iter().zip(losses);
    Ok(fitted.map(|(adapter, losses)| Fitted { adapter, losses, seconds }).collect())
}

/// The share of rows that the base with this adapter classifies right.
///
/// # Errors
///
/// What [`evaluate`] refuses.
pub fn accuracy(base: &Model, adapter: &Adapter, rows: &[Example]) -> anyhow::Result<f64> {
    let evaluation = evaluate(&attach(base, &[adapter])?, rows, 50)?;
    evaluation.accuracy.context("a classifier has an accuracy")
}
