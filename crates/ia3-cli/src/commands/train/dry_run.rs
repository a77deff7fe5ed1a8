//! `--dry-run`: describes the training that a command would start.

use std::fmt;
use std::time::Instant;

use ia3::TrainableParameters;
use ia3_guard::quote;
use serde::Serialize;

use super::memory::{Memory, peak, size};
use super::setup::Setup;
use super::task::Task;

/// The number of steps that are measured.
const MEASURED: usize = 3;

/// The vectors, the number of tokens, and estimates of memory and time.
#[derive(Serialize)]
pub(super) struct DryRun {
    /// The vectors of each adapter.
    sites: Vec<Site>,
    trainable_parameters: usize,
    all_parameters: usize,
    steps: usize,
    rows: usize,
    batches_per_epoch: usize,
    epochs: f64,
    /// The tokens of the whole training, without padding.
    tokens: f64,
    padding_share: f64,
    memory_estimate: Memory,
    /// The peak memory of this process after the measured steps, where the operating system reports it.
    memory_peak: Option<u64>,
    measured_steps: usize,
    tokens_per_second: f64,
    seconds_estimate: f64,
    /// Empty, and not serialised, where the only task has no name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tasks: Vec<TaskDryRun>,
}

/// One of several tasks, alone.
#[derive(Serialize)]
struct TaskDryRun {
    name: String,
    rows: usize,
    batches_per_epoch: usize,
    epochs: f64,
    tokens: f64,
    padding_share: f64,
}

#[derive(Serialize)]
struct Site {
    path: String,
    scales: String,
    len: usize,
}

impl DryRun {
    /// Makes three steps on a copy of the adapters and discards it.
    pub(super) fn measure(setup: &Setup) -> anyhow::Result<Self> {
        let Setup { config, tasks, parameters, epoch, memory, .. } = setup;
        let mut trainer = setup.trainer()?;
        let (start, mut measured) = (Instant::now(), 0);
        while !trainer.is_done() && trainer.steps_done() < MEASURED {
            measured += trainer.step().map_err(|error| setup.in_task(error))?.tokens;
        }
        let rate = measured as f64 / start.elapsed().as_secs_f64();
        let epochs = config.steps as f64 / trainer.steps_per_epoch();
        let batches = (config.steps * config.gradient_accumulation_steps) as f64;
        let of_task = |task: &Task| batches / task.epoch.batches as f64 * task.epoch.tokens as f64;
        let all_tokens = tasks.iter().map(of_task).sum();
        let site = |(path, vector): (&String, &ia3::Ia3Vector)| Site {
            path: path.clone(),
            scales: vector.placement.to_string(),
            len: vector.len(),
        };
        Ok(Self {
            sites: tasks.iter().take(1).flat_map(|task| &task.adapter.vectors).map(site).collect(),
            trainable_parameters: parameters.trainable,
            all_parameters: parameters.all,
            steps: config.steps,
            rows: epoch.rows,
            batches_per_epoch: epoch.batches,
            epochs,
            tokens: all_tokens,
            padding_share: epoch.padding_share(),
            memory_estimate: *memory,
            memory_peak: peak(),
            measured_steps: trainer.steps_done(),
            tokens_per_second: rate,
            seconds_estimate: all_tokens / rate,
            tasks: tasks.iter().filter_map(|task| TaskDryRun::new(task, batches)).collect(),
        })
    }
}

impl TaskDryRun {
    /// `batches` is the number of batches of the training. Returns `None` for a task without a name.
    fn new(Task { name, epoch, .. }: &Task, batches: f64) -> Option<Self> {
        let epochs = batches / epoch.batches as f64;
        Some(Self {
            name: name.clone()?,
            rows: epoch.rows,
            batches_per_epoch: epoch.batches,
            epochs,
            tokens: epochs * epoch.tokens as f64,
            padding_share: epoch.padding_share(),
        })
    }
}

impl fmt::Display for DryRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.sites.iter().map(|site| site.path.len()).max().unwrap_or(0);
        for Site { path, scales, len } in &self.sites {
            writeln!(f, "{path:width$}  {scales:6}  {len}")?;
        }
        let (trainable, all) = (self.trainable_parameters, self.all_parameters);
        let vectors = match self.tasks.len() {
            0 => format!("{} vectors", self.sites.len()),
            tasks => format!("{} vectors for each of {tasks} tasks", self.sites.len()),
        };
        writeln!(f, "{vectors}; {}", TrainableParameters { trainable, all })?;
        self.tasks.iter().try_for_each(|task| writeln!(f, "{task}"))?;
        let Self { steps, rows, batches_per_epoch, epochs, tokens, padding_share, .. } = self;
        writeln!(
            f,
            "steps:   {steps}, which are {epochs:.2} epochs of {rows} rows in {batches_per_epoch} batches"
        )?;
        writeln!(f, "tokens:  {tokens:.0}, with {:.1} % padding", 100.0 * padding_share)?;
        let Memory { base, activations, program } = self.memory_estimate;
        let all = size(self.memory_estimate.all());
        let (base, activations, program) = (size(base), size(activations), size(program));
        write!(f, "memory:  {all} estimated ({base} base, {activations} batch, {program} program)")?;
        self.memory_peak.iter().try_for_each(|peak| write!(f, ", {} peak so far", size(*peak)))?;
        let Self { measured_steps, tokens_per_second: rate, seconds_estimate, .. } = self;
        write!(
            f,
            "\ntime:    {seconds_estimate:.1} s estimated, from {measured_steps} steps at {rate:.0} tokens/s"
        )?;
        write!(f, ", without evaluations\nThis is a dry run; nothing was written.")
    }
}

impl fmt::Display for TaskDryRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, batches_per_epoch, epochs, tokens, padding_share, .. } = self;
        let name = quote(&self.name);
        write!(f, "{name}: {epochs:.2} epochs of {rows} rows in {batches_per_epoch} batches, ")?;
        write!(f, "{tokens:.0} tokens, with {:.1} % padding if trained alone", 100.0 * padding_share)
    }
}
