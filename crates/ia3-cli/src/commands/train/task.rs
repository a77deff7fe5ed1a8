//! A task that is ready to train: its adapter and its examples.

use std::path::{Path, PathBuf};

use ia3::core::Adapter;
use ia3::train::{Dataset, EpochPlan, Example};

use super::rows::TaskRows;
use super::task_list::TaskSpec;

/// An adapter with its initial values, and the examples that it learns from.
pub(super) struct Task {
    /// The name in the list of tasks. The only task of a training without a list has none, and its adapter is written
    /// into the output folder itself.
    pub(super) name: Option<String>,
    /// The file of the training data.
    pub(super) path: PathBuf,
    /// The row of the file of each row that is trained on, where some are held out or have several windows.
    pub(super) places: Option<Vec<usize>>,
    pub(super) data: Dataset,
    pub(super) held_out: Option<Vec<Example>>,
    /// The names of the classes, in the order of their numbers.
    pub(super) label_names: Vec<String>,
    pub(super) adapter: Adapter,
    /// The first epoch of this task alone.
    pub(super) epoch: EpochPlan,
}

impl Task {
    /// Gives the rows an adapter that starts with the values of `initial` in parameters of its own.
    pub(super) fn new(rows: TaskRows, initial: &Adapter) -> Self {
        let TaskRows { spec: TaskSpec { name, data: path, .. }, data, held_out, places, label_names, epoch } =
            rows;
        Self { name, path, places, data, held_out, label_names, adapter: initial.fork(), epoch }
    }

    /// The folder of this task's adapter below `dir`.
    pub(super) fn folder(&self, dir: &Path) -> PathBuf {
        self.name.as_ref().map_or(dir.to_owned(), |name| dir.join(name))
    }
}
