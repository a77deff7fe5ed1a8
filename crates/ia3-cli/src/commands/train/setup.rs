//! Prepares a training: read the configuration, read the rows, check the memory, load the base, plan the adapters.

use burn::tensor::Device;
use ia3::core::Adapter;
use ia3::models::Model;
use ia3::train::{AdapterTask, EpochPlan, FileHashes, Fingerprint, TrainConfig, TrainError, Trainer};
use ia3::{PretrainedOptions, TrainableParameters};

use super::base_hashes::BaseHashing;
use super::fingerprint::fingerprint;
use super::memory::Memory;
use super::task::Task;
use super::task_list::in_task;
use super::{adapter_config, head, memory, num_labels, rows, task_list, train_config};
use crate::args::Train;
use crate::commands::{base_config, base_model};

/// Everything that a training needs before its first step.
pub(super) struct Setup {
    pub(super) config: TrainConfig,
    pub(super) tasks: Vec<Task>,
    pub(super) base: Model,
    /// Counts over all adapters together.
    pub(super) parameters: TrainableParameters,
    /// The first epoch of all tasks together.
    pub(super) epoch: EpochPlan,
    pub(super) memory: Memory,
    /// The hashes of the files of the base.
    pub(super) base_hashes: FileHashes,
    /// What must be equal on every rank, and in a training that resumes this one.
    pub(super) fingerprint: Fingerprint,
}

/// Prepares the training that `args` describe. Each step takes the values of the steps before it.
pub(super) fn prepare(args: &Train, device: &Device) -> anyhow::Result<Setup> {
    // 1. Read the configuration of the base, of the training and of the adapter. No weight is read yet.
    let base_config = match args.adapter.as_slice() {
        [] => head::choose(args)?,
        adapter => base_config::with_head(&args.base, &args.head, adapter)?,
    };
    let shapes = base_config.init(device);
    let config = train_config::from_args(args);
    let adapter_config = adapter_config::from_args(args, &shapes)?;

    // 2. Read and tokenise the rows, which may decide how many classes a classifier has.
    let rows = rows::read(task_list::from_args(args)?, args, (&base_config, &shapes), &config)?;
    let base_config = num_labels::decide(args, base_config, &rows)?;
    let epoch = rows::first_epoch(&rows, &config, shapes.task())?;
    let config = train_config::with_epochs(config, args, &epoch)?;

    // 3. Check that the memory suffices.
    let memory =
        memory::check(args, (&shapes, &epoch), config.batch_size.saturating_mul(rows.len()), device)?;

    // 4. Load the base, and hash its files beside that. What its checkpoint lacks is drawn by the seed.
    let hashing = BaseHashing::start(&args.base, &args.out)?;
    device.seed(args.seed);
    let options = PretrainedOptions::new()
        .with_config(base_config)
        .with_dtype(base_model::dtype(args.dtype))
        .with_keep_quantized(args.keep_quantized);
    let base = base_model::load_with(&args.base, &options, device)?;

    // 5. Plan the adapters, one per task.
    let adapter_config = adapter_config::with_fresh_modules(adapter_config, &base);
    let base = base.model;
    let adapter = adapter_config::initial(adapter_config, args, &base, device)?;
    let parameters = count(&base, &adapter, rows.len());
    let tasks: Vec<Task> = rows.into_iter().map(|rows| Task::new(rows, &adapter)).collect();

    let base_hashes = hashing.finish()?;
    let fingerprint = fingerprint(args, &config, &tasks, &base_hashes)?;
    Ok(Setup { config, tasks, base, parameters, epoch, memory, base_hashes, fingerprint })
}

impl Setup {
    /// The trainer before its first step.
    pub(super) fn trainer(&self) -> anyhow::Result<Trainer<'_>> {
        let trainer = match self.tasks.as_slice() {
            [Task { name: None, adapter, data, .. }] => {
                Trainer::new(ia3::attach(&self.base, &[adapter])?, data, &self.config)
            }
            tasks => {
                let tasks = tasks.iter().map(|t| AdapterTask { adapter: t.adapter.clone(), data: &t.data });
                Trainer::multi_task(&self.base, &tasks.collect::<Vec<_>>(), &self.config)
            }
        };
        trainer.map_err(|error| self.in_task(error))
    }

    /// The names of the tasks; empty where the only task has no name.
    pub(super) fn names(&self) -> Vec<String> {
        self.tasks.iter().filter_map(|task| task.name.clone()).collect()
    }

    /// The error with the name of the task that it is about, if it is about one.
    pub(super) fn in_task(&self, error: TrainError) -> anyhow::Error {
        match error {
            TrainError::Task { task, source } => in_task(self.tasks[task].name.as_deref(), *source),
            other => other.into(),
        }
    }
}

/// The parameters of the base and of `count` such adapters.
fn count(base: &Model, adapter: &Adapter, count: usize) -> TrainableParameters {
    let TrainableParameters { trainable, all } = TrainableParameters::of(base, adapter);
    let others = (count - 1) * adapter.num_params();
    TrainableParameters { trainable: count * trainable, all: all + others }
}
