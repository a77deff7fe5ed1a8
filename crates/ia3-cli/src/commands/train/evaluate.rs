//! Evaluates the held-out examples of each task. All ranks take part.

use ia3::models::Model;
use ia3::train::{Evaluation, Evaluator, Trainer};

use super::setup::Setup;
use super::task::Task;
use super::task_list::in_task;
use crate::progress::Progress;
use crate::ranks::Ranks;

const EVAL_BATCH: usize = 32;

/// Evaluates the base on every task. A task without held-out examples gives `None`.
pub(super) fn evaluate_base(setup: &Setup, ranks: &Ranks) -> anyhow::Result<Vec<Option<Evaluation>>> {
    evaluate(setup, ranks, |_| Ok(setup.base.clone()))
}

/// Evaluates the current adapter of every task. A task without held-out examples gives `None`.
pub(super) fn evaluate_adapters(
    setup: &Setup,
    trainer: &Trainer,
    ranks: &Ranks,
) -> anyhow::Result<Vec<Option<Evaluation>>> {
    evaluate(setup, ranks, |task| {
        let adapter = task.adapter.extract(trainer.model())?;
        Ok(ia3::attach(&setup.base, &[&adapter])?)
    })
}

fn evaluate(
    setup: &Setup,
    ranks: &Ranks,
    model: impl Fn(&Task) -> anyhow::Result<Model>,
) -> anyhow::Result<Vec<Option<Evaluation>>> {
    let evaluate = |task: &Task| -> anyhow::Result<Option<Evaluation>> {
        let Some(held_out) = &task.held_out else { return Ok(None) };
        let model = model(task)?;
        let evaluator = Evaluator::new(&model)
            .with_label_names(&task.label_names)
            .with_batch_size(EVAL_BATCH)
            .with_loss(setup.config.loss)
            .with_ranks(ranks.communicator());
        let progress = Progress::of("evaluating", held_out.len(), 0, "rows");
        let mut done = 0;
        let evaluation = evaluator.run_with(held_out, |rows, _| {
            // The other ranks are about as fast.
            done = held_out.len().min(done + rows.len() * ranks.size());
            progress.set(done, "");
        })?;
        Ok(Some(evaluation))
    };
    let named = |task: &Task| evaluate(task).map_err(|error| in_task(task.name.as_deref(), error));
    setup.tasks.iter().map(named).collect()
}
