//! The held-out lines of each task, evaluated by all ranks together.

use ia3::models::Model;
use ia3::train::{Evaluation, Trainer, evaluate_by_ranks};

use super::prepared::{Prepared, Task};
use super::tasks::in_task;
use crate::ranks::Ranks;

const EVAL_BATCH: usize = 32;

/// Of each task that has held-out lines, without its adapter.
pub(super) fn evaluate_base(prepared: &Prepared, ranks: &Ranks) -> anyhow::Result<Vec<Option<Evaluation>>> {
    evaluate(prepared, ranks, |_| Ok(prepared.base.clone()))
}

/// Of each task that has held-out lines, with its adapter as it is now.
pub(super) fn evaluate_adapters(
    prepared: &Prepared,
    trainer: &Trainer,
    ranks: &Ranks,
) -> anyhow::Result<Vec<Option<Evaluation>>> {
    evaluate(prepared, ranks, |task| {
        let adapter = task.adapter.extract(trainer.model())?;
        Ok(ia3::attach(&prepared.base, &[&adapter])?)
    })
}

fn evaluate(
    prepared: &Prepared,
    ranks: &Ranks,
    model: impl Fn(&Task) -> anyhow::Result<Model>,
) -> anyhow::Result<Vec<Option<Evaluation>>> {
    let of = |task: &Task| -> anyhow::Result<Option<Evaluation>> {
        let Some(held_out) = &task.held_out else { return Ok(None) };
        let (model, loss) = (model(task)?, &prepared.settings.loss);
        Ok(Some(evaluate_by_ranks(&model, held_out, EVAL_BATCH, loss, ranks.communicator())?))
    };
    let named = |task: &Task| of(task).map_err(|error| in_task(task.name.as_deref(), error));
    prepared.tasks.iter().map(named).collect()
}
