//! What a training is made of, before its first step.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use ia3::core::Adapter;
use ia3::models::Model;
use ia3::train::{AdapterTask, Dataset, EpochPlan, Example, TrainConfig, TrainError, Trainer};
use ia3::{ModelConfig, PlanOptions, PretrainedOptions, TrainableParameters};

use super::adapter_config::{config, with_fresh_modules};
use super::facts::facts;
use super::memory::Memory;
use super::tasks::{Wanted, in_task, wanted};
use crate::args::Train;
use crate::commands::data::Reader;
use crate::commands::model;
use crate::commands::settings::settings;

pub(super) struct Prepared {
    pub(super) settings: TrainConfig,
    pub(super) tasks: Vec<Task>,
    pub(super) base: Model,
    /// Of all adapters.
    pub(super) parameters: TrainableParameters,
    /// Of all tasks together.
    pub(super) epoch: EpochPlan,
    pub(super) memory: Memory,
    /// What must be the same for a training to go on, and on every rank.
    pub(super) facts: Vec<(String, String)>,
}

/// An adapter, and what it learns from.
pub(super) struct Task {
    /// None where it is the only one, and is written into the folder itself.
    pub(super) name: Option<String>,
    pub(super) path: PathBuf,
    pub(super) data: Dataset,
    pub(super) held_out: Option<Vec<Example>>,
    /// As it starts.
    pub(super) adapter: Adapter,
    /// By itself.
    pub(super) epoch: EpochPlan,
}

/// A task before there is an adapter.
pub(super) struct Rows {
    pub(super) wanted: Wanted,
    pub(super) data: Dataset,
    pub(super) held_out: Option<Vec<Example>>,
    epoch: EpochPlan,
}

impl Prepared {
    pub(super) fn new(args: &Train, device: &Device) -> anyhow::Result<Self> {
        let model_config = ia3::read_config(&args.base)?;
        // Before the data are read: names of another number of classes are not theirs.
        let model_config = match args.num_labels {
            Some(labels) => model_config.with_num_labels(labels),
            None => model_config,
        };
        let model = model_config.init(device);
        let config = config(args, model.task())?;
        let settings = settings(args);
        let read = |wanted: Wanted| {
            let name = wanted.name.clone();
            let rows = Rows::read(wanted, args, (&model_config, &model), &settings);
            rows.map_err(|error| in_task(name.as_deref(), error))
        };
        let rows = wanted(args)?.into_iter().map(read).collect::<anyhow::Result<Vec<Rows>>>()?;
        let model_config = super::labels::config(args, model_config, &rows)?;
        let epoch = together(&rows, &settings, model.task())?;
        let memory = Memory::estimate(&args.base, &model, &epoch, device)?;
        if !args.no_memory_check {
            memory.check(device, settings.batch_size.saturating_mul(rows.len()))?;
        }
        device.seed(args.seed);
        let options = PretrainedOptions::new().with_config(model_config);
        let base = model::base_with(&args.base, &options, device)?;
        let config = with_fresh_modules(config, &base);
        let base = base.model;
        let plan = config.plan(&base.info(), PlanOptions::default())?;
        let adapter = Adapter::init(&base, &plan);
        let adapter = if args.kv_only { adapter.kv_only(&base.info())? } else { adapter };
        let parameters = parameters(&base, &adapter, rows.len());
        let tasks: Vec<Task> = rows.into_iter().map(|rows| rows.with(&adapter)).collect();
        let facts = facts(args, &settings, &tasks)?;
        Ok(Self { settings, tasks, base, parameters, epoch, memory, facts })
    }

    /// The training, before its first step.
    pub(super) fn trainer(&self) -> anyhow::Result<Trainer<'_>> {
        let trainer = match self.tasks.as_slice() {
            [Task { name: None, adapter, data, .. }] => {
                Trainer::new(ia3::attach(&self.base, &[adapter])?, data, &self.settings)
            }
            tasks => {
                let tasks = tasks.iter().map(|t| AdapterTask { adapter: t.adapter.clone(), data: &t.data });
                Trainer::many(&self.base, &tasks.collect::<Vec<_>>(), &self.settings)
            }
        };
        trainer.map_err(|error| self.named(error))
    }

    /// The names of the tasks; none where there is one that has none.
    pub(super) fn names(&self) -> Vec<String> {
        self.tasks.iter().filter_map(|task| task.name.clone()).collect()
    }

    /// An error with the name of the task that it is about.
    pub(super) fn named(&self, error: TrainError) -> anyhow::Error {
        match error {
            TrainError::Task { task, source } => in_task(self.tasks[task].name.as_deref(), *source),
            other => other.into(),
        }
    }
}

impl Task {
    /// Where its adapter is, of those in `dir`.
    pub(super) fn folder(&self, dir: &Path) -> PathBuf {
        self.name.as_ref().map_or(dir.to_owned(), |name| dir.join(name))
    }
}

impl Rows {
    /// `model` may be without its weights.
    fn read(
        wanted: Wanted,
        args: &Train,
        (config, model): (&ModelConfig, &Model),
        settings: &TrainConfig,
    ) -> anyhow::Result<Self> {
        let reader = Reader::new(&args.base, config, model, &wanted.rows, args.seed)?;
        let data = Dataset { rows: reader.rows(&wanted.data)? };
        let held_out =
            wanted.eval.as_ref().map(|path| reader.rows(path)).transpose()?.map(|rows| rows.concat());
        let epoch = EpochPlan::first(&data, settings, model.task())?;
        Ok(Self { wanted, data, held_out, epoch })
    }

    /// With what its adapter starts with: the same for each task, in parameters of its own.
    fn with(self, start: &Adapter) -> Task {
        let Self { wanted: Wanted { name, data: path, .. }, data, held_out, epoch } = self;
        Task { name, path, data, held_out, adapter: start.fork(), epoch }
    }
}

/// A round of all tasks.
fn together(rows: &[Rows], settings: &TrainConfig, task: ia3::Task) -> anyhow::Result<EpochPlan> {
    match rows {
        [Rows { wanted: Wanted { name: None, .. }, epoch, .. }] => Ok(*epoch),
        tasks => {
            let data: Vec<&Dataset> = tasks.iter().map(|rows| &rows.data).collect();
            Ok(EpochPlan::together(&data, settings, task)?)
        }
    }
}

/// Of so many adapters.
fn parameters(base: &Model, adapter: &Adapter, count: usize) -> TrainableParameters {
    let TrainableParameters { trainable, all } = TrainableParameters::of(base, adapter);
    let others = (count - 1) * adapter.num_params();
    TrainableParameters { trainable: count * trainable, all: all + others }
}
