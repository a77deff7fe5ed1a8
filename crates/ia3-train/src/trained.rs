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

/// What is trained: a model, or the adapters of several tasks on one base.
///
/// With several tasks, each entry of a batch has the adapter of its task. The parameters of an adapter keep their ids and
/// paths when the number of entries per task changes. So gradients of batches of different sizes can be added, and the
/// state does not depend on the last batch. A clone shares the tensors.
#[derive(Clone)]
pub(crate) struct Trained {
    /// The model in training mode, which holds the trained parameters.
    pub(crate) model: Model,
    tasks: Option<Tasks>,
}

#[derive(Clone)]
struct Tasks {
    adapters: Arc<Adapters>,
    /// The number of entries of each task in the batches for which `model` is attached.
    entries: Vec<usize>,
}

/// The adapters as they were at the start, which define their structure, and the task of each of their parameters.
struct Adapters {
    base: Model,
    adapters: Vec<Adapter>,
    task_of: BTreeMap<ParamId, usize>,
}

impl Trained {
    /// All parameters of `model` that require gradients.
    pub(crate) fn single_task(model: Model) -> Self {
        Self { model: model.train(), tasks: None }
    }

    /// The adapters of several tasks over one base.
    ///
    /// # Errors
    ///
    /// [`TrainError::NoTasks`], [`TrainError::SameAdapter`], and [`TrainError::Adapter`] for an adapter that does not fit
    /// the base.
    pub(crate) fn multi_task(base: &Model, adapters: Vec<Adapter>) -> Result<Self, TrainError> {
        if adapters.is_empty() {
            return Err(TrainError::NoTasks);
        }
        check_distinct(&adapters)?;
        let ids =
            |(task, adapter): (usize, &Adapter)| adapter.param_ids().into_iter().map(move |id| (id, task));
        let task_of = adapters.iter().enumerate().flat_map(ids).collect();
        // One entry per task, so that the model holds all adapters.
        let entries = vec![1; adapters.len()];
        let model = attach_entries(base, &adapters, &entries)?;
        let adapters = Arc::new(Adapters { base: base.clone(), adapters, task_of });
        Ok(Self { model, tasks: Some(Tasks { adapters, entries }) })
    }

    /// The model for batches with these numbers of entries per task, in the order of the tasks.
    pub(crate) fn for_entries(&mut self, entries: &[usize]) -> Result<&Model, TrainError> {
        if let Some(tasks) = self.tasks.as_ref().filter(|tasks| tasks.entries != entries) {
            self.model = attach_entries(&tasks.adapters.base, &self.adapters()?, entries)?;
            self.tasks = Some(Tasks { adapters: tasks.adapters.clone(), entries: entries.to_vec() });
        }
        Ok(&self.model)
    }

    /// The adapters with their current values, in the order of the tasks. Empty for a plain model.
    pub(crate) fn adapters(&self) -> Result<Vec<Adapter>, TrainError> {
        let adapters = self.tasks.iter().flat_map(|tasks| &tasks.adapters.adapters);
        Ok(adapters.map(|adapter| adapter.extract(&self.model)).collect::<Result<_, _>>()?)
    }

    /// The same tasks with the values of `model`, which has the same parameters.
    pub(crate) fn with_model(self, model: Model) -> Self {
        Self { model, ..self }
    }

    /// Number of tasks; 1 for a plain model.
    pub(crate) fn num_tasks(&self) -> usize {
        self.tasks.as_ref().map_or(1, |tasks| tasks.entries.len())
    }

    /// Adds the task to the error, unless the model is a plain one.
    pub(crate) fn error_of(&self, task: usize, error: TrainError) -> TrainError {
        if self.tasks.is_some() { error.of_task(task) } else { error }
    }

    /// Scales the gradients of each task so that their joint norm is at most `max_norm`. Returns the norms before scaling.
    pub(crate) fn clip(&self, mut grads: GradientsParams, max_norm: f32) -> (GradientsParams, Vec<f32>) {
        let mut norms = vec![];
        for task in 0..self.num_tasks() {
            let norm;
            (grads, norm) = clip_grad_norm_of(grads, &self.model, max_norm, |id| self.is_of(task, id));
            norms.push(norm);
        }
        (grads, norms)
    }

    /// The first task with a parameter that is not finite.
    pub(crate) fn not_finite(&self) -> Option<usize> {
        let all = is_finite(&self.model, |_| true);
        let not_finite = |task: &usize| !is_finite(&self.model, |id| self.is_of(*task, id));
        if all { None } else { (0..self.num_tasks()).find(not_finite) }
    }

    fn is_of(&self, task: usize, id: ParamId) -> bool {
        self.tasks.as_ref().is_none_or(|tasks| tasks.adapters.task_of.get(&id) == Some(&task))
    }
}

/// The base with the adapters attached for batches with these numbers of entries per adapter.
fn attach_entries(base: &Model, adapters: &[Adapter], entries: &[usize]) -> Result<Model, TrainError> {
    let rows = adapters.iter().zip(entries).flat_map(|(adapter, &count)| repeat_n(Some(adapter), count));
    Ok(attach_rows(base, &rows.collect::<Vec<_>>())?.train())
}

/// Refuses two adapters that share a parameter.
fn check_distinct(adapters: &[Adapter]) -> Result<(), TrainError> {
    let mut seen = BTreeSet::new();
    let new = adapters.iter().flat_map(Adapter::param_ids).all(|id| seen.insert(id));
    if new { Ok(()) } else { Err(TrainError::SameAdapter) }
}
