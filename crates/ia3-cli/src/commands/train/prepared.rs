//! What a training is made of, before its first step.

use anyhow::Context;
use burn::tensor::Device;
use ia3::train::{Dataset, EpochPlan, Example, TrainConfig};
use ia3::{Adapter, Ia3Config, Model, PlanOptions, Pretrained, Task, TaskType, TrainableParameters};

use super::memory::Memory;
use super::session;
use crate::args::Train;
use crate::commands::data::Reader;
use crate::commands::settings::settings;
use crate::commands::{model, targets};
use crate::output::note;

pub(super) struct Prepared {
    pub(super) settings: TrainConfig,
    pub(super) data: Dataset,
    pub(super) held_out: Option<Vec<Example>>,
    pub(super) base: Model,
    pub(super) adapter: Adapter,
    pub(super) parameters: TrainableParameters,
    pub(super) epoch: EpochPlan,
    pub(super) memory: Memory,
    /// What must be the same for a training to go on, and on every rank.
    pub(super) facts: Vec<(String, String)>,
}

impl Prepared {
    pub(super) fn new(args: &Train, device: &Device) -> anyhow::Result<Self> {
        let model_config = ia3::read_config(&args.base)?;
        let model = model_config.init(device);
        let config = config(args, model.task())?;
        let reader = Reader::new(&args.base, &model_config, &model, &args.rows, args.seed)?;
        let data = Dataset { rows: reader.rows(&args.data)? };
        let held_out =
            args.eval.as_ref().map(|path| reader.rows(path)).transpose()?.map(|rows| rows.concat());
        let settings = settings(args);
        let epoch = EpochPlan::first(&data, &settings, model.task())?;
        let memory = Memory::estimate(&args.base, &model, &epoch)?;
        if !args.no_memory_check {
            memory.check(device, settings.batch_size)?;
        }
        device.seed(args.seed);
        let base = model::base(&args.base, device)?;
        let config = with_fresh_modules(config, &base);
        let base = base.model;
        let plan = config.plan(&base.info(), PlanOptions::default())?;
        let adapter = Adapter::init(&base, &plan);
        let adapter = if args.kv_only { adapter.kv_only(&base.info())? } else { adapter };
        let parameters = TrainableParameters::of(&base, &adapter);
        let facts = session::facts(args, &settings, &adapter, (&data, held_out.as_deref()))?;
        Ok(Self { settings, data, held_out, base, adapter, parameters, epoch, memory, facts })
    }
}

/// The targets that the arguments name.
fn config(args: &Train, task: Task) -> anyhow::Result<Ia3Config> {
    let task = match task {
        Task::Seq2SeqLm => TaskType::Seq2SeqLm,
        Task::CausalLm => TaskType::CausalLm,
        Task::SequenceClassification => TaskType::SeqCls,
    };
    let base = args.base.display().to_string();
    if let Some(path) = &args.config {
        let json =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let config = Ia3Config::from_json(&json).with_context(|| path.display().to_string())?;
        return Ok(Ia3Config { base_model_name_or_path: Some(base), ..config });
    }
    let config = Ia3Config::new().with_task_type(task).with_base_model(base);
    let config = targets::with(config, &args.targets, args.feedforward.as_deref());
    config.validate()?;
    Ok(config)
}

/// What the checkpoint does not hold is trained and saved with the vectors: it would be another one next time.
fn with_fresh_modules(mut config: Ia3Config, base: &Pretrained) -> Ia3Config {
    for &module in base.config.optional_modules() {
        let fresh = base.report.missing.iter().any(|name| name.starts_with(&format!("{module}.")));
        let saved = config.modules_to_save.get_or_insert_default();
        if fresh && !saved.iter().any(|name| name == module) {
            note(format!("`{module}` is not in the checkpoint: it starts fresh and goes into the adapter"));
            saved.push(module.to_string());
        }
    }
    config
}
