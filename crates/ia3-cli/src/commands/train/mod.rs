//! `ia3 train`.

mod adapter_config;
mod axis;
mod base_hashes;
mod dry_run;
mod evaluate;
mod event;
mod fingerprint;
mod head;
mod history;
mod line_numbers;
mod loss_plot;
mod memory;
mod metrics;
mod model_card;
mod num_labels;
mod persist;
mod progress_bar;
mod progress_state;
mod report;
mod results;
mod resume;
mod rows;
mod run;
mod setup;
mod split;
mod task;
mod task_list;
mod tensorboard;
mod train_config;
mod worker_rank;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::Device;
use ia3::io::FileError;
use ia3::train::Trainer;

use self::dry_run::DryRun;
use self::run::Run;
use self::setup::Setup;
use crate::args::{Format, Train};
use crate::out;
use crate::output::{self, note};
use crate::ranks::Ranks;

pub(crate) fn run(args: &Train, device: Option<&str>, format: Format) -> anyhow::Result<ExitCode> {
    let ranks = Ranks::start()?;
    let result = train(args, device, format, &ranks);
    ranks.end(result)
}

fn train(args: &Train, device: Option<&str>, format: Format, ranks: &Ranks) -> anyhow::Result<ExitCode> {
    if args.out.exists() && !args.out.is_dir() {
        return ranks.together(Err(FileError::NotAFolder { path: args.out.clone() }.into()));
    }
    if let Some(path) = args.predictions.as_ref().filter(|_| ranks.rank() == 0) {
        out::file(path)?;
    }
    let device = ranks.together(ia3::device(ranks.device(device).as_deref()).map_err(Into::into))?;
    let setup = ranks.together(setup::prepare(args, &device))?;
    if args.dry_run {
        return if ranks.rank() == 0 { dry_run(&setup, format) } else { Ok(ExitCode::SUCCESS) };
    }
    ranks.together(ranks.agree(&setup.fingerprint))?;
    let trainer = setup.trainer().and_then(|trainer| Ok(trainer.with_ranks(ranks.communicator())?));
    let trainer = ranks.together(trainer)?;
    match ranks.rank() {
        0 => lead(args, format, &setup, trainer, (&device, ranks)),
        _ => worker_rank::follow(trainer, &setup, ranks),
    }
}

fn dry_run(setup: &Setup, format: Format) -> anyhow::Result<ExitCode> {
    output::report(&DryRun::measure(setup)?, format)?;
    Ok(ExitCode::SUCCESS)
}

/// Trains on rank 0, which also evaluates, saves and reports.
fn lead(
    args: &Train,
    format: Format,
    setup: &Setup,
    trainer: Trainer,
    (device, ranks): (&Device, &Ranks),
) -> anyhow::Result<ExitCode> {
    let mut run = Run::start(args, setup, trainer, (device, ranks))?;
    let interrupted = run.train_to_end(&*on_interrupt()?)?;
    let report = results::collect(&run, interrupted)?;
    run.folder.draw()?;
    results::write_model_cards(&run, &report, &args.out)?;
    output::report(&report, format)?;
    if interrupted {
        note("the training was interrupted and its state was saved; the same command resumes it");
        return Ok(ExitCode::from(130));
    }
    Ok(ExitCode::SUCCESS)
}

/// A flag that the first Ctrl-C or SIGTERM sets. The second one ends the process at once.
fn on_interrupt() -> anyhow::Result<Arc<AtomicBool>> {
    let interrupt = Arc::new(AtomicBool::new(false));
    let flag = interrupt.clone();
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })?;
    Ok(interrupt)
}
