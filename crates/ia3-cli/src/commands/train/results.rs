//! What a training writes and reports at its end: the adapters, their evaluation, their model cards.

use std::path::Path;

use ia3::Task;
use ia3::train::{Evaluation, Example};

use super::model_card;
use super::report::{BeforeAfter, Report, TaskReport, Totals};
use super::run::Run;
use crate::predictions::{self, Source, Texts};
use crate::tokenizer;

/// Writes the adapters and evaluates them, and ends the other ranks. An interrupted training is not evaluated.
pub(super) fn collect(run: &Run, interrupted: bool) -> anyhow::Result<Report> {
    let tasks = task_reports(run, interrupted)?;
    run.end_workers();
    let totals = Totals {
        parameters: run.setup.parameters,
        steps: run.steps_done(),
        stopped_early: interrupted,
        seconds: run.progress.seconds,
        out: run.args.out.display().to_string(),
    };
    Ok(Report::new(totals, tasks))
}

fn task_reports(run: &Run, interrupted: bool) -> anyhow::Result<Vec<TaskReport>> {
    let Run { args, setup, progress, .. } = run;
    let bytes = run.folder.save_adapters(&run.trainer)?;
    let after = if interrupted { vec![] } else { run.evaluate_adapters()? };
    if let Some(path) = args.predictions.as_ref().filter(|_| !interrupted) {
        ia3::io::write_file(path, predictions(run, &after)?.as_bytes())?;
    }
    let before = progress.before.as_deref().unwrap_or_default();
    let loss = |losses: &[f32], task: usize| losses.get(task).copied().unwrap_or(f32::NAN);
    let report = |(index, bytes): (usize, u64)| {
        let task = &setup.tasks[index];
        let scores = before.get(index).copied().flatten().zip(after.get(index).and_then(Option::as_ref));
        TaskReport {
            name: task.name.clone(),
            rows: task.data.rows.len(),
            first_loss: loss(&progress.first_losses, index),
            last_loss: loss(&progress.last_losses, index),
            evaluation: scores.map(|(before, after)| BeforeAfter::new(before, after)),
            bytes,
            out: task.folder(&args.out).display().to_string(),
        }
    };
    Ok(bytes.into_iter().enumerate().map(report).collect())
}

/// The answers of the trained adapters to the held-out examples, as lines of JSON.
fn predictions(run: &Run, after: &[Option<Evaluation>]) -> anyhow::Result<String> {
    let of_texts = run.setup.base.image().is_none();
    let tokenizer = of_texts.then(|| tokenizer::open(&run.args.base)).transpose()?;
    let mut all = String::new();
    for (task, evaluation) in run.setup.tasks.iter().zip(after) {
        let (Some(examples), Some(evaluation)) = (&task.held_out, evaluation) else { continue };
        let classes_are_tokens = run.setup.base.task() == Task::MaskedLm;
        let texts =
            Texts { tokenizer: tokenizer.as_ref(), label_names: &task.label_names, classes_are_tokens };
        let mut row = 0;
        let answer = |(place, example): (usize, &Example)| {
            row += usize::from(!predictions::continues(example));
            let source = Source { row, task: task.name.as_deref(), adapter: None, template: None };
            texts.answer(source, example, (evaluation, place)).transpose()
        };
        let answers = examples.iter().enumerate().filter_map(answer).collect::<Result<Vec<_>, _>>()?;
        all += &predictions::lines(&answers)?;
    }
    Ok(all)
}

/// Writes `README.md` of every adapter below `out`.
pub(super) fn write_model_cards(run: &Run, report: &Report, out: &Path) -> anyhow::Result<()> {
    let names = run.setup.names();
    for (task, result) in run.setup.tasks.iter().zip(&report.tasks) {
        let adapter = task.adapter.extract(run.trainer.model())?;
        let card = model_card::model_card(&adapter, &run.setup.config, (task, &names), (result, report));
        ia3::io::write_file(task.folder(out).join("README.md"), card.as_bytes())?;
    }
    Ok(())
}
