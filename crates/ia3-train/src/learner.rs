use std::collections::{BTreeMap, BTreeSet};
use std::iter::repeat_n;
use std::sync::Arc;

use burn::module::{Module, ParamId};
use burn::optim::GradientsParams;
use ia3_core::{Adapter, attach_rows};
use ia3_models::Model;

use crate::clip::clip_grad_norm_of;
use crate::error::TrainError;
use crate::finite::is_finite;

/// What learns: a model, or several adapters on one base, each from the rows of its own task.
///
/// The parameters of an adapter are the same, by their identity and their path, whatever rows the model is for: gradients of
/// batches of different sizes add up, and the state does not depend on the last batch. A clone shares the tensors.
#[derive(Clone)]
pub(crate) struct Learner {
    /// Holds what is trained; in training mode.
    pub(crate) model: Model,
    many: Option<Many>,
}

#[derive(Clone)]
struct Many {
    adapters: Arc<Adapters>,
    /// The rows of each task in the batches that `model` takes.
    rows: Vec<usize>,
}

/// The adapters as they were at the start, which say what they are, and the task of each of their parameters.
struct Adapters {
    base: Model,
    adapters: Vec<Adapter>,
    task_of: BTreeMap<ParamId, usize>,
}

impl Learner {
    /// All that requires gradients in `model`.
    pub(crate) fn one(model: Model) -> Self {
        Self { model: model.train(), many: None }
    }

    /// # Errors
    ///
    /// [`TrainError::NoExamples`] without an adapter, [`TrainError::SameAdapter`], and [`TrainError::Adapter`] for one
    /// that does not fit the base.
    pub(crate) fn many(base: &Model, adapters: Vec<Adapter>) -> Result<Self, TrainError> {
        if adapters.is_empty() {
            return Err(TrainError::NoExamples);
        }
        check_distinct(&adapters)?;
        let ids =
            |(task, adapter): (usize, &Adapter)| adapter.param_ids().into_iter().map(move |id| (id, task));
        let task_of = adapters.iter().enumerate().flat_map(ids).collect();
        // A row each, so that all of them are there.
        let rows = vec![1; adapters.len()];
        let model = with_rows(base, &adapters, &rows)?;
        let adapters = Arc::new(Adapters { base: base.clone(), adapters, task_of });
        Ok(Self { model, many: Some(Many { adapters, rows }) })
    }

    /// The model for batches that have so many rows of each task, one after the other; it then holds what is trained.
    pub(crate) fn for_rows(&mut self, rows: &[usize]) -> Result<&Model, TrainError> {
        if let Some(many) = self.many.as_ref().filter(|many| many.rows != rows) {
            self.model = with_rows(&many.adapters.base, &self.adapters()?, rows)?;
            self.many = Some(Many { adapters: many.adapters.clone(), rows: rows.to_vec() });
        }
        Ok(&self.model)
    }

    /// The adapters as they are now, in the order of the tasks; none of a plain model.
    pub(crate) fn adapters(&self) -> Result<Vec<Adapter>, TrainError> {
        let adapters = self.many.iter().flat_map(|many| &many.adapters.adapters);
        Ok(adapters.map(|adapter| adapter.extract(&self.model)).collect::<Result<_, _>>()?)
    }

    /// The same with these values, which a model of the same parameters holds.
    pub(crate) fn with(self, model: Model) -> Self {
        Self { model, ..self }
    }

    /// How many tasks there are; one of a plain model.
    pub(crate) fn tasks(&self) -> usize {
        self.many.as_ref().map_or(1, |many| many.rows.len())
    }

    /// The error as one of this task, where there are several.
    pub(crate) fn name(&self, task: usize, error: TrainError) -> TrainError {
        if self.many.is_some() { error.of_task(task) } else { error }
    }

    /// Scales the gradients of each task so that their joint norm is at most `max_norm`; returns the norms before.
    pub(crate) fn clip(&self, mut grads: GradientsParams, max_norm: f32) -> (GradientsParams, Vec<f32>) {
        let mut norms = vec![];
        for task in 0..self.tasks() {
            let norm;
            (grads, norm) = clip_grad_norm_of(grads, &self.model, max_norm, |id| self.is_of(task, id));
            norms.push(norm);
        }
        (grads, norms)
    }

    /// The first task with a value that is not finite.
    pub(crate) fn broken(&self) -> Option<usize> {
        let all = is_finite(&self.model, |_| true);
        let broken = |task: &usize| !is_finite(&self.model, |id| self.is_of(*task, id));
        if all { None } else { (0..self.tasks()).find(broken) }
    }

    fn is_of(&self, task: usize, id: ParamId) -> bool {
        self.many.as_ref().is_none_or(|many| many.adapters.task_of.get(&id) == Some(&task))
    }
}

/// The adapters on the base, for so many rows of each.
fn with_rows(base: &Model, adapters: &[Adapter], rows: &[usize]) -> Result<Model, TrainError> {
    let rows = adapters.iter().zip(rows).flat_map(|(adapter, &count)| repeat_n(Some(adapter), count));
    Ok(attach_rows(base, &rows.collect::<Vec<_>>())?.train())
}

fn check_distinct(adapters: &[Adapter]) -> Result<(), TrainError> {
    let mut seen = BTreeSet::new();
    let new = adapters.iter().flat_map(Adapter::param_ids).all(|id| seen.insert(id));
    if new { Ok(()) } else { Err(TrainError::SameAdapter) }
}
