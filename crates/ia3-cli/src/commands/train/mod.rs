//! `ia3 train`.

mod adapter_config;
mod card;
mod evaluate;
mod facts;
mod follow;
mod history;
mod keep;
mod labels;
mod lines;
mod memory;
mod metrics;
mod plan;
mod plot;
mod prepared;
mod progress;
mod report;
mod session;
mod standing;
mod tasks;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::Device;
use ia3::io::IoError;
use ia3::train::Trainer;

use self::follow::follow;
use self::plan::Plan;
use self::prepared::Prepared;
use self::report::{BeforeAfter, Report, Run, TaskReport};
use self::session::Session;
use crate::args::{Format, Train};
use crate::output::{self, note};
use crate::ranks::Ranks;

pub(crate) fn run(args: &Train, device: Option<&str>, format: Format) -> anyhow::Result<ExitCode> {
    let ranks = Ranks::start()?;
    let result = run_on(args, device, format, &ranks);
    ranks.end(result)
}

fn run_on(args: &Train, device: Option<&str>, format: Format, ranks: &Ranks) -> anyhow::Result<ExitCode> {
    if args.out.exists() && !args.out.is_dir() {
        return ranks.together(Err(IoError::NotAFolder { path: args.out.clone() }.into()));
    }
    let device = ranks.together(ia3::device(ranks.device(device).as_deref()).map_err(Into::into))?;
    let prepared = ranks.together(Prepared::new(args, &device))?;
    if args.dry_run {
        return if ranks.rank() == 0 { plan(&prepared, format) } else { Ok(ExitCode::SUCCESS) };
    }
    ranks.together(ranks.agree(&prepared.facts))?;
    let trainer = prepared.trainer().and_then(|trainer| Ok(trainer.with_ranks(ranks.communicator())?));
    let trainer = ranks.together(trainer)?;
    match ranks.rank() {
        0 => lead(args, format, &prepared, trainer, (&device, ranks)),
        _ => follow(trainer, &prepared, ranks),
    }
}

fn plan(prepared: &Prepared, format: Format) -> anyhow::Result<ExitCode> {
    output::report(&Plan::measure(prepared)?, format)?;
    Ok(ExitCode::SUCCESS)
}

/// Rank 0: all but its share of the steps is its own work.
fn lead(
    args: &Train,
    format: Format,
    prepared: &Prepared,
    trainer: Trainer,
    (device, ranks): (&Device, &Ranks),
) -> anyhow::Result<ExitCode> {
    let mut session = Session::open(args, prepared, trainer, (device, ranks))?;
    let stop = on_interrupt()?;
    let stopped = session.run(&stop)?;
    let tasks = task_reports(&session, stopped)?;
    session.release();
    let run = Run {
        parameters: prepared.parameters,
        steps: session.steps_done(),
        stopped_early: stopped,
        seconds: session.standing.seconds,
        out: args.out.display().to_string(),
    };
    let report = Report::new(run, tasks);
    session.draw()?;
    write_cards(&session, &report)?;
    output::report(&report, format)?;
    if stopped {
        note("interrupted; what had been learned was saved, and the same command goes on");
        return Ok(ExitCode::from(130));
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the adapters and evaluates them, but for a training that was interrupted.
fn task_reports(session: &Session, stopped: bool) -> anyhow::Result<Vec<TaskReport>> {
    let Session { args, prepared, standing, .. } = session;
    let bytes = session.save_adapters(&args.out)?;
    let after = if stopped { vec![] } else { session.evaluate_adapters()? };
    let before = standing.before.as_deref().unwrap_or_default();
    let loss = |losses: &[f32], task: usize| losses.get(task).copied().unwrap_or(f32::NAN);
    let report = |(task, bytes): (usize, u64)| {
        let of = &prepared.tasks[task];
        let scores = before.get(task).copied().flatten().zip(after.get(task).and_then(Option::as_ref));
        TaskReport {
            name: of.name.clone(),
            rows: of.data.rows.len(),
            first_loss: loss(&standing.first_losses, task),
            last_loss: loss(&standing.last_losses, task),
            evaluation: scores.map(|(before, after)| BeforeAfter::new(before, after)),
            bytes,
            out: of.folder(&args.out).display().to_string(),
        }
    };
    Ok(bytes.into_iter().enumerate().map(report).collect())
}

fn write_cards(session: &Session, report: &Report) -> anyhow::Result<()> {
    let Session { args, prepared, trainer, .. } = session;
    let names = prepared.names();
    for (task, result) in prepared.tasks.iter().zip(&report.tasks) {
        let adapter = task.adapter.extract(trainer.model())?;
        let card = card::card(&adapter, &prepared.settings, (task, &names), (result, report));
        ia3::io::write_file(task.folder(&args.out).join("README.md"), card.as_bytes())?;
    }
    Ok(())
}

/// Set by the first Ctrl-C or SIGTERM; a second one ends the process at once.
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
