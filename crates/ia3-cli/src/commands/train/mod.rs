//! `ia3 train`.

mod card;
mod history;
mod lines;
mod memory;
mod metrics;
mod plan;
mod plot;
mod progress;
mod report;
mod session;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use burn::tensor::Device;
use ia3::io::IoError;
use ia3::train::{Dataset, EpochPlan, Evaluation, Trainer};
use ia3::{Adapter, Ia3Config, PlanOptions, Pretrained, Task, TaskType, TrainableParameters};

use self::memory::Memory;
use self::plan::Plan;
use self::report::{BeforeAfter, Report};
use self::session::{Score, Session};
use super::data::Reader;
use super::model;
use super::settings::settings;
use super::targets;
use crate::args::{Format, Train};
use crate::output::{self, note};

pub(crate) fn run(args: &Train, device: &Device, format: Format) -> anyhow::Result<ExitCode> {
    if args.out.exists() && !args.out.is_dir() {
        return Err(IoError::NotAFolder { path: args.out.clone() }.into());
    }
    let model_config = ia3::read_config(&args.base)?;
    let model = model_config.init(device);
    let config = config(args, model.task())?;
    let reader = Reader::new(&args.base, &model_config, &model, &args.rows, args.seed)?;
    let rows = reader.rows(&args.data)?;
    let held_out = args.eval.as_ref().map(|path| reader.rows(path)).transpose()?.map(|rows| rows.concat());
    let settings = settings(args);
    let facts = session::data_facts(&rows, held_out.as_deref());
    let data = Dataset { rows };
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
    if args.dry_run {
        let plan = Plan::measure((&base, &adapter), &data, &settings, epoch, memory)?;
        output::report(&plan, format)?;
        return Ok(ExitCode::SUCCESS);
    }
    let held_out = held_out.as_deref();
    let facts = session::fingerprint(args, &settings, &adapter, facts, device)?;
    let trainer = Trainer::new(ia3::attach(&base, &[&adapter])?, &data, &settings)?;
    let mut session = Session::open(args, &settings, (&base, &adapter), held_out, trainer, facts)?;
    let stop = on_interrupt()?;
    let stopped = session.run(&stop)?;
    let bytes = session.save_adapter(&args.out)?;
    let after = if stopped { None } else { session.evaluate(session.trainer.model())? };
    let progress = &session.progress;
    let report = Report {
        trainable_parameters: parameters.trainable,
        all_parameters: parameters.all,
        steps: session.steps_done(),
        stopped_early: stopped,
        first_loss: progress.first_loss.unwrap_or(f32::NAN),
        last_loss: progress.last_loss.unwrap_or(f32::NAN),
        seconds: progress.seconds,
        evaluation: progress.before.zip(after).map(before_after),
        bytes,
        out: args.out.display().to_string(),
    };
    session.draw()?;
    let card = card::card(&session.trained()?, args, &settings, data.rows.len(), &report);
    ia3::io::write_file(args.out.join("README.md"), card.as_bytes())?;
    output::report(&report, format)?;
    if stopped {
        note("interrupted; what had been learned was saved, and the same command goes on");
        return Ok(ExitCode::from(130));
    }
    Ok(ExitCode::SUCCESS)
}

fn before_after((before, after): (Score, Evaluation)) -> BeforeAfter {
    BeforeAfter {
        examples: after.examples,
        loss_before: before.loss,
        loss_after: after.loss,
        exact_match_before: before.exact_match,
        exact_match_after: after.exact_match,
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

/// Set by the first Ctrl-C; a second one ends the process at once.
fn on_interrupt() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })?;
    Ok(stop)
}
