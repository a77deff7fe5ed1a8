//! The examples of each task, read from its files and tokenised.

use ia3::models::Model;
use ia3::train::{Dataset, EpochPlan, Example, TrainConfig};
use ia3::{ModelConfig, Task};

use super::split;
use super::task_list::{TaskSpec, in_task};
use crate::args::Train;
use crate::commands::example_reader::Reader;

/// What a task trains on and is evaluated on, before there is an adapter.
pub(super) struct TaskRows {
    pub(super) spec: TaskSpec,
    pub(super) data: Dataset,
    /// The examples of `--eval`.
    pub(super) held_out: Option<Vec<Example>>,
    /// The row of the file of each row that is trained on, where some are held out or have several windows.
    pub(super) places: Option<Vec<usize>>,
    /// The names of the classes, in the order of their numbers.
    pub(super) label_names: Vec<String>,
    /// The first epoch of this task alone.
    pub(super) epoch: EpochPlan,
}

/// Reads the rows of every task. `model` may lack its weights.
pub(super) fn read(
    specs: Vec<TaskSpec>,
    args: &Train,
    (config, model): (&ModelConfig, &Model),
    train_config: &TrainConfig,
) -> anyhow::Result<Vec<TaskRows>> {
    let read = |spec: TaskSpec| {
        let name = spec.name.clone();
        let rows = TaskRows::read(spec, args, (config, model), train_config);
        rows.map_err(|error| in_task(name.as_deref(), error))
    };
    specs.into_iter().map(read).collect()
}

/// The first epoch of all tasks together.
pub(super) fn first_epoch(
    rows: &[TaskRows],
    config: &TrainConfig,
    model_task: Task,
) -> anyhow::Result<EpochPlan> {
    match rows {
        [TaskRows { spec: TaskSpec { name: None, .. }, epoch, .. }] => Ok(*epoch),
        tasks => {
            let data: Vec<&Dataset> = tasks.iter().map(|rows| &rows.data).collect();
            Ok(EpochPlan::multi_task(&data, config, model_task)?)
        }
    }
}

impl TaskRows {
    fn read(
        spec: TaskSpec,
        args: &Train,
        (config, model): (&ModelConfig, &Model),
        train_config: &TrainConfig,
    ) -> anyhow::Result<Self> {
        let reader = Reader::new(&args.base, config, model, &spec.rows, args.seed)?;
        let rows = reader.rows(&spec.data)?;
        let (rows, held_out, places) = match (args.eval_split, &spec.eval) {
            (Some(share), _) => {
                let (trained, held_out) = split::by_share(rows.len(), share, args.seed)?;
                let of = |places: &[usize]| places.iter().map(|&place| rows[place].clone()).collect();
                (of(&trained), Some(of(&held_out)), Some(trained))
            }
            (None, Some(path)) => (rows, Some(reader.rows(path)?), None),
            (None, None) => (rows, None, None),
        };
        let (data, windows) = Dataset { rows }.with_windows_as_rows();
        let in_file = |places: Vec<usize>| windows.iter().map(|&row| places[row]).collect();
        let places = match places {
            Some(places) => Some(in_file(places)),
            None => windows.iter().enumerate().any(|(place, row)| place != *row).then_some(windows),
        };
        // Of a text that is masked in several ways, the first is evaluated.
        let evaluated = |rows: Vec<Vec<Example>>| match model.task() {
            Task::MaskedLm => rows.into_iter().filter_map(|row| row.into_iter().next()).collect(),
            _ => rows.concat(),
        };
        let held_out = held_out.map(evaluated);
        let epoch = EpochPlan::single_task(&data, train_config, model.task())?;
        let label_names = reader.label_names().to_vec();
        Ok(Self { spec, data, held_out, places, label_names, epoch })
    }
}
