//! `ia3 train`.

mod card;
mod data;
mod history;
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

use anyhow::{Context, bail};
use burn::tensor::Device;
use ia3::io::IoError;
use ia3::train::{Dataset, EpochPlan, Evaluation, Trainer};
use ia3::{Adapter, Ia3Config, PlanOptions, Selector, Task, TaskType, TrainableParameters};

use self::data::Reader;
use self::memory::Memory;
use self::plan::Plan;
use self::report::{BeforeAfter, Report};
use self::session::{Score, Session};
use super::model;
use super::settings::settings;
use crate::args::{Format, Train};
use crate::output::{self, note};
use crate::text::Text;

pub(crate) fn run(args: &Train, device: &Device, format: Format) -> anyhow::Result<ExitCode> {
    if args.out.exists() && !args.out.is_dir() {
        return Err(IoError::NotAFolder { path: args.out.clone() }.into());
    }
    let model = ia3::read_config(&args.base)?.init(device);
    let config = config(args, model.task())?;
    let reader = Reader { text: Text::open(&args.base)?, model, args };
    let examples = reader.examples(&args.data)?;
    let held_out = args.eval.as_ref().map(|path| reader.examples(path)).transpose()?;
    let settings = settings(args);
    let facts = session::data_facts(&examples, held_out.as_deref());
    let data = Dataset::from(examples);
    let epoch = EpochPlan::first(&data, &settings, reader.model.task())?;
    let memory = Memory::estimate(&args.base, &reader.model, &epoch)?;
    if !args.no_memory_check {
        memory.check(device, settings.batch_size)?;
    }
    let base = model::base(&args.base, device)?.model;
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
        Task::SequenceClassification => {
            bail!("lines of input and target train no classifier; use a text-to-text or a language model")
        }
    };
    let base = args.base.display().to_string();
    if let Some(path) = &args.config {
        let json =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let config = Ia3Config::from_json(&json).with_context(|| path.display().to_string())?;
        return Ok(Ia3Config { base_model_name_or_path: Some(base), ..config });
    }
    let mut config = Ia3Config::new().with_task_type(task).with_base_model(base);
    if !args.targets.is_empty() {
        config = config.with_target_modules(selector(&args.targets));
    }
    if let Some(feedforward) = &args.feedforward {
        config = config.with_feedforward_modules(selector(feedforward));
    }
    config.validate()?;
    Ok(config)
}

/// One value with a metacharacter other than the dot is a pattern, anything else a list of names.
fn selector(values: &[String]) -> Selector {
    match values {
        [one] if one.contains(['*', '+', '?', '(', '[', '{', '|', '\\', '^', '$']) => one.as_str().into(),
        [one] if one.eq_ignore_ascii_case("all-linear") => Selector::AllLinear,
        _ => values.iter().flat_map(|v| v.split(',')).filter(|v| !v.is_empty()).collect(),
    }
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
