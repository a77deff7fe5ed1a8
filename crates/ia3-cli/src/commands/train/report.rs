//! The report of `ia3 train`.

use std::fmt;

use ia3::TrainableParameters;
use ia3::train::Evaluation;
use ia3_guard::quote;
use serde::Serialize;

use super::progress_state::Score;

/// The whole training. Losses and evaluations are means over the tasks.
#[derive(Serialize)]
pub(super) struct Report {
    pub(super) trainable_parameters: usize,
    pub(super) all_parameters: usize,
    pub(super) steps: usize,
    pub(super) stopped_early: bool,
    pub(super) first_loss: f32,
    pub(super) last_loss: f32,
    pub(super) seconds: f64,
    pub(super) evaluation: Option<BeforeAfter>,
    /// The size of all adapters together.
    pub(super) bytes: u64,
    pub(super) out: String,
    /// Not serialised where the only task has no name.
    #[serde(skip_serializing_if = "unnamed")]
    pub(super) tasks: Vec<TaskReport>,
}

/// What the tasks have in common.
pub(super) struct Totals {
    pub(super) parameters: TrainableParameters,
    pub(super) steps: usize,
    pub(super) stopped_early: bool,
    pub(super) seconds: f64,
    pub(super) out: String,
}

/// One task.
#[derive(Clone, Serialize)]
pub(super) struct TaskReport {
    pub(super) name: Option<String>,
    pub(super) rows: usize,
    pub(super) first_loss: f32,
    pub(super) last_loss: f32,
    pub(super) evaluation: Option<BeforeAfter>,
    pub(super) bytes: u64,
    pub(super) out: String,
}

/// The evaluations before and after the training.
#[derive(Clone, Serialize)]
pub(super) struct BeforeAfter {
    pub(super) examples: usize,
    pub(super) loss_before: f64,
    pub(super) loss_after: f64,
    pub(super) exact_match_before: f64,
    pub(super) exact_match_after: f64,
    /// F1 or the correlation before and after, where the targets have such a metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) f1: Option<[f64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pearson: Option<[f64; 2]>,
}

fn unnamed(tasks: &[TaskReport]) -> bool {
    tasks.iter().all(|task| task.name.is_none())
}

impl BeforeAfter {
    pub(super) fn new(before: Score, after: &Evaluation) -> Self {
        Self {
            examples: after.examples,
            loss_before: before.loss,
            loss_after: after.loss,
            exact_match_before: before.exact_match,
            exact_match_after: after.exact_match,
            f1: before.f1.zip(Score::from(after).f1).map(<[f64; 2]>::from),
            pearson: before.pearson.zip(Score::from(after).pearson).map(<[f64; 2]>::from),
        }
    }

    /// The mean over the tasks and the sum of their examples; `None` for an empty list.
    fn mean(tasks: &[&Self]) -> Option<Self> {
        let mean = |of: fn(&Self) -> f64| tasks.iter().map(|e| of(e)).sum::<f64>() / tasks.len() as f64;
        (!tasks.is_empty()).then(|| Self {
            examples: tasks.iter().map(|e| e.examples).sum(),
            loss_before: mean(|e| e.loss_before),
            loss_after: mean(|e| e.loss_after),
            exact_match_before: mean(|e| e.exact_match_before),
            exact_match_after: mean(|e| e.exact_match_after),
            f1: mean_of_both(tasks, |e| e.f1),
            pearson: mean_of_both(tasks, |e| e.pearson),
        })
    }
}

/// The means over the tasks of a figure before and after, if every task has it.
fn mean_of_both(tasks: &[&BeforeAfter], of: fn(&BeforeAfter) -> Option<[f64; 2]>) -> Option<[f64; 2]> {
    let figures: Vec<[f64; 2]> = tasks.iter().map(|task| of(task)).collect::<Option<_>>()?;
    let mean = |side: usize| figures.iter().map(|pair| pair[side]).sum::<f64>() / figures.len().max(1) as f64;
    Some([mean(0), mean(1)])
}

impl Report {
    /// Adds the means over the tasks to the totals.
    pub(super) fn new(totals: Totals, tasks: Vec<TaskReport>) -> Self {
        let mean = |of: fn(&TaskReport) -> f32| tasks.iter().map(of).sum::<f32>() / tasks.len() as f32;
        let evaluations: Vec<&BeforeAfter> = tasks.iter().filter_map(|t| t.evaluation.as_ref()).collect();
        let Totals { parameters, steps, stopped_early, seconds, out } = totals;
        Self {
            trainable_parameters: parameters.trainable,
            all_parameters: parameters.all,
            steps,
            stopped_early,
            first_loss: mean(|task| task.first_loss),
            last_loss: mean(|task| task.last_loss),
            seconds,
            evaluation: BeforeAfter::mean(&evaluations),
            bytes: tasks.iter().map(|task| task.bytes).sum(),
            out,
            tasks,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameters =
            TrainableParameters { trainable: self.trainable_parameters, all: self.all_parameters };
        writeln!(f, "{parameters}")?;
        let Self { steps, seconds, first_loss, last_loss, .. } = self;
        let named = !unnamed(&self.tasks);
        let loss = if named { "mean loss" } else { "loss" };
        writeln!(f, "{steps} steps in {seconds:.1} s, {loss} {first_loss:.4} -> {last_loss:.4}")?;
        if named {
            self.tasks.iter().try_for_each(|task| writeln!(f, "{task}"))?;
        }
        if let Some(e) = &self.evaluation {
            let (before, after) = (100.0 * e.exact_match_before, 100.0 * e.exact_match_after);
            writeln!(f, "{loss} on {} examples {:.4} -> {:.4}", e.examples, e.loss_before, e.loss_after)?;
            let exact_match = if named { "mean exact match" } else { "exact match" };
            writeln!(f, "{exact_match} {before:.1} % -> {after:.1} %")?;
            if let Some([before, after]) = e.f1 {
                writeln!(f, "F1 {:.1} % -> {:.1} %", 100.0 * before, 100.0 * after)?;
            }
            if let Some([before, after]) = e.pearson {
                writeln!(f, "correlation {before:.3} -> {after:.3}")?;
            }
        }
        write!(f, "{} bytes -> {}", self.bytes, self.out)
    }
}

impl fmt::Display for TaskReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = quote(self.name.as_deref().unwrap_or_default());
        write!(f, "{name}: loss {:.4} -> {:.4}", self.first_loss, self.last_loss)?;
        if let Some(e) = &self.evaluation {
            let (before, after) = (100.0 * e.exact_match_before, 100.0 * e.exact_match_after);
            write!(f, "; on {} examples {:.4} -> {:.4}", e.examples, e.loss_before, e.loss_after)?;
            write!(f, ", exact match {before:.1} % -> {after:.1} %")?;
        }
        Ok(())
    }
}
