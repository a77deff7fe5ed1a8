//! `--dry-run`: what a training would be.

use std::fmt;
use std::time::Instant;

use ia3::train::{Dataset, EpochPlan, TrainConfig, Trainer};
use ia3::{Adapter, Model, TrainableParameters};
use serde::Serialize;

use super::memory::{Memory, peak, size};

/// Steps that are measured.
const MEASURED: usize = 3;

#[derive(Serialize)]
pub(super) struct Plan {
    sites: Vec<Site>,
    trainable_parameters: usize,
    all_parameters: usize,
    steps: usize,
    rows: usize,
    batches_per_epoch: usize,
    epochs: f64,
    /// Real tokens of the whole training.
    tokens: f64,
    padding_share: f64,
    memory_estimate: Memory,
    /// Of the measured steps, where the system tells.
    memory_peak: Option<u64>,
    measured_steps: usize,
    tokens_per_second: f64,
    seconds_estimate: f64,
}

#[derive(Serialize)]
struct Site {
    path: String,
    scales: String,
    len: usize,
}

impl Plan {
    /// Makes three steps on a copy and forgets them.
    pub(super) fn measure(
        (base, adapter): (&Model, &Adapter),
        data: &Dataset,
        config: &TrainConfig,
        epoch: EpochPlan,
        memory: Memory,
    ) -> anyhow::Result<Self> {
        let mut trainer = Trainer::new(ia3::attach(base, &[adapter])?, data, config)?;
        let (start, mut tokens) = (Instant::now(), 0);
        while !trainer.is_done() && trainer.steps_done() < MEASURED {
            tokens += trainer.step()?.tokens;
        }
        let rate = tokens as f64 / start.elapsed().as_secs_f64();
        let epochs = config.steps as f64 / trainer.steps_per_epoch();
        let all_tokens = epochs * epoch.tokens as f64;
        let parameters = TrainableParameters::of(base, adapter);
        let site = |(path, vector): (&String, &ia3::Ia3Vector)| Site {
            path: path.clone(),
            scales: vector.placement.to_string(),
            len: vector.len(),
        };
        Ok(Self {
            sites: adapter.vectors.iter().map(site).collect(),
            trainable_parameters: parameters.trainable,
            all_parameters: parameters.all,
            steps: config.steps,
            rows: epoch.rows,
            batches_per_epoch: epoch.batches,
            epochs,
            tokens: all_tokens,
            padding_share: epoch.padding_share(),
            memory_estimate: memory,
            memory_peak: peak(),
            measured_steps: trainer.steps_done(),
            tokens_per_second: rate,
            seconds_estimate: all_tokens / rate,
        })
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.sites.iter().map(|site| site.path.len()).max().unwrap_or(0);
        for Site { path, scales, len } in &self.sites {
            writeln!(f, "{path:width$}  {scales:6}  {len}")?;
        }
        let (trainable, all) = (self.trainable_parameters, self.all_parameters);
        writeln!(f, "{} vectors; {}", self.sites.len(), TrainableParameters { trainable, all })?;
        let Self { steps, rows, batches_per_epoch, epochs, tokens, padding_share, .. } = self;
        writeln!(f, "steps:   {steps}, {epochs:.2} epochs of {rows} rows in {batches_per_epoch} batches")?;
        writeln!(f, "tokens:  {tokens:.0}, and {:.1} % padding", 100.0 * padding_share)?;
        let Memory { base, activations } = self.memory_estimate;
        let all = size(self.memory_estimate.all());
        write!(f, "memory:  {all} estimated ({} base, {} batch)", size(base), size(activations))?;
        self.memory_peak.iter().try_for_each(|peak| write!(f, ", {} at most so far", size(*peak)))?;
        let Self { measured_steps, tokens_per_second: rate, seconds_estimate, .. } = self;
        write!(
            f,
            "\ntime:    {seconds_estimate:.1} s estimated, from {measured_steps} steps at {rate:.0} tokens/s"
        )?;
        write!(f, ", without evaluations\nnothing was written")
    }
}
