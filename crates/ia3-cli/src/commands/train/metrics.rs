//! `metrics.jsonl`: one line per step, one line per epoch, and one line per evaluation.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use ia3::train::StepReport;
use ia3_guard::{FileError, Limit, read_bytes};
use serde::Serialize;
use serde_json::{Value, json};

use super::progress_state::Score;
use super::tensorboard::EventFile;

/// The open file.
pub(super) struct Metrics {
    path: PathBuf,
    file: File,
    /// The names of the tasks; empty where the only task has no name.
    tasks: Vec<String>,
    /// Losses of the steps of the current epoch.
    losses: Vec<f64>,
    /// Seconds of training at the last step.
    seconds: f64,
    events: Option<EventFile>,
}

/// The largest rounding error of a number of epochs.
const ROUNDING: f64 = 1e-9;

impl Metrics {
    /// Opens the file to continue after `step`. It drops the lines of later steps, and incomplete lines that a killed process
    /// left. `seconds` is the time of training before.
    pub(super) fn open(out: &Path, tasks: Vec<String>, step: usize, seconds: f64) -> anyhow::Result<Self> {
        let path = out.join("metrics.jsonl");
        let kept = if step > 0 { lines_up_to(step, &path)? } else { String::new() };
        // The file is replaced as a whole, so that a kill in this moment does not lose the lines.
        ia3::io::write_file(&path, kept.as_bytes())?;
        let file = OpenOptions::new().append(true).open(&path);
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { path, file, tasks, losses: losses_of_current_epoch(&kept), seconds, events: None })
    }

    /// Writes the lines that there are, and those that are added, to an event file of TensorBoard in `out` too.
    pub(super) fn with_tensorboard(self, out: &Path) -> anyhow::Result<Self> {
        let lines = String::from_utf8_lossy(&read_bytes(&self.path, Limit::LOG)?).into_owned();
        Ok(Self { events: Some(EventFile::open(out, &lines, self.seconds)?), ..self })
    }

    /// Writes the lines to the disk. A checkpoint that is on the disk has all lines up to its step there too.
    pub(super) fn sync(&self) -> anyhow::Result<()> {
        self.file.sync_data().with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// Adds the line of a step. If the step ends an epoch, adds the line with the mean loss of that epoch.
    pub(super) fn add_step(
        &mut self,
        report: &StepReport,
        steps_per_epoch: f64,
        seconds: f64,
    ) -> anyhow::Result<()> {
        let StepReport { step, loss, losses, learning_rate, grad_norms, tokens } = report;
        let epoch = *step as f64 / steps_per_epoch;
        let rate = *tokens as f64 / (seconds - self.seconds).max(f64::MIN_POSITIVE);
        let mut line = json!({"step": step, "epoch": epoch, "loss": loss, "learning_rate": learning_rate,
                              "tokens": tokens, "tokens_per_second": rate, "seconds": seconds});
        if self.tasks.is_empty() {
            line["grad_norm"] = json!(grad_norms.as_ref().map(|norms| norms[0]));
        } else {
            line["losses"] = self.by_task(losses);
            line["grad_norms"] = json!(grad_norms.as_ref().map(|norms| self.by_task(norms)));
        }
        self.seconds = seconds;
        self.losses.push(f64::from(*loss));
        self.write(&line)?;
        let epochs = (epoch + ROUNDING).floor();
        let before = ((*step - 1) as f64 / steps_per_epoch + ROUNDING).floor();
        if epochs > before { self.add_epoch(*step, epochs) } else { Ok(()) }
    }

    fn add_epoch(&mut self, step: usize, epochs_done: f64) -> anyhow::Result<()> {
        let losses = std::mem::take(&mut self.losses);
        let mean = losses.iter().sum::<f64>() / losses.len() as f64;
        let line = json!({"step": step, "epochs_done": epochs_done, "epoch_loss": mean});
        self.write(&line)
    }

    /// Adds the line of an evaluation: the mean over the tasks, and the score of each task.
    pub(super) fn add_evaluation(
        &mut self,
        step: usize,
        mean: Score,
        scores: &[Score],
    ) -> anyhow::Result<()> {
        let Score { loss, exact_match, accuracy, f1, pearson } = mean;
        let mut line = json!({"step": step, "eval_loss": loss, "eval_exact_match": exact_match, "eval_accuracy": accuracy});
        for (name, value) in [("eval_f1", f1), ("eval_pearson", pearson)] {
            value.into_iter().for_each(|value| line[name] = value.into());
        }
        if !self.tasks.is_empty() {
            line["eval_tasks"] = self.by_task(scores);
        }
        self.write(&line)
    }

    fn by_task<T: Serialize>(&self, values: &[T]) -> Value {
        self.tasks.iter().zip(values).map(|(task, value)| (task.clone(), json!(value))).collect()
    }

    fn write(&mut self, line: &Value) -> anyhow::Result<()> {
        let written = self.file.write_all(format!("{line}\n").as_bytes());
        written.with_context(|| format!("cannot write {}", self.path.display()))?;
        self.events.as_mut().map_or(Ok(()), |events| events.add(line))
    }
}

/// The complete lines of the file that are of steps up to `step`. A file that is absent has none.
fn lines_up_to(step: usize, path: &Path) -> anyhow::Result<String> {
    let bytes = match read_bytes(path, Limit::LOG) {
        Err(FileError::NotFound { .. }) => vec![],
        read => read?,
    };
    let done = |line: &&str| {
        let value: Option<Value> = serde_json::from_str(line).ok();
        value.and_then(|v| v["step"].as_u64()).is_some_and(|s| s <= step as u64)
    };
    // A crash of the system may leave bytes of any kind in the last line.
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().filter(done).map(|line| format!("{line}\n")).collect())
}

/// The losses of the steps after the last epoch that ended.
fn losses_of_current_epoch(lines: &str) -> Vec<f64> {
    let mut losses = vec![];
    for line in lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        match line["loss"].as_f64() {
            // The loss was written from a float32, which the text gives back exactly.
            Some(loss) => losses.push(f64::from(loss as f32)),
            None if line["epochs_done"].is_number() => losses.clear(),
            None => (),
        }
    }
    losses
}
