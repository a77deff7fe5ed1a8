//! `ia3 train`.

mod card;
mod follow;
mod history;
mod lines;
mod memory;
mod metrics;
mod plan;
mod plot;
mod prepared;
mod progress;
mod report;
mod session;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::Device;
use ia3::io::IoError;
use ia3::train::{Evaluation, Trainer};

use self::follow::follow;
use self::plan::Plan;
use self::prepared::Prepared;
use self::report::{BeforeAfter, Report};
use self::session::{Score, Session};
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
        return if ranks.rank() == 0 { plan(prepared, format) } else { Ok(ExitCode::SUCCESS) };
    }
    ranks.together(ranks.agree(&prepared.facts))?;
    let Prepared { settings, data, base, adapter, .. } = &prepared;
    let trainer = Trainer::new(ia3::attach(base, &[adapter])?, data, settings);
    let trainer = trainer.and_then(|trainer| trainer.with_ranks(ranks.communicator()));
    let trainer = ranks.together(trainer.map_err(Into::into))?;
    match ranks.rank() {
        0 => lead(args, format, &prepared, trainer, (&device, ranks)),
        _ => follow(trainer, ranks),
    }
}

fn plan(prepared: Prepared, format: Format) -> anyhow::Result<ExitCode> {
    let Prepared { settings, data, base, adapter, epoch, memory, .. } = prepared;
    let plan = Plan::measure((&base, &adapter), &data, &settings, epoch, memory)?;
    output::report(&plan, format)?;
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
    let bytes = session.save_adapter(&args.out)?;
    let after = if stopped { None } else { session.evaluate(session.trainer.model())? };
    let progress = &session.progress;
    let report = Report {
        trainable_parameters: prepared.parameters.trainable,
        all_parameters: prepared.parameters.all,
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
    let card = card::card(&session.trained()?, args, &prepared.settings, prepared.data.rows.len(), &report);
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
