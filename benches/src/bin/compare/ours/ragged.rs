//! One epoch over the rows of `rows.json`, which have many lengths, in batches of similar length.

use anyhow::{Context, Result};
use ia3::data::{Example, Target};
use ia3::train::{Dataset, EpochPlan, OptimizerConfig, Schedule, TrainConfig, Trainer, evaluate};

use super::Ours;
use crate::figures::BY_LENGTH;

/// Number of rows per batch on both sides.
const BATCH: usize = 16;

impl Ours {
    pub(super) fn ragged(&mut self) -> Result<()> {
        let rows = self.examples()?;
        let (model, data) = (self.adapted()?, Dataset::from(rows.as_slice()));
        let config = config(rows.len());
        let plan = EpochPlan::single_task(&data, &config, model.task())?;
        let runs = self.settings.runs;
        self.both("forward 1,000 rows", runs, || Ok(evaluate(&model, &rows, BATCH).map(|_| ())?))?;
        self.both("train 1,000 rows", runs, || {
            let mut trainer = Trainer::new(model.clone(), &data, &config)?;
            while !trainer.is_done() {
                trainer.step()?;
            }
            Ok(())
        })?;
        for with in ["", BY_LENGTH] {
            self.figures.insert(format!("padding{with}"), 100.0 * plan.padding_share());
        }
        Ok(())
    }

    /// Records the times of this library once for PEFT's random batches, and once for PEFT's batches by length.
    fn both(&mut self, name: &str, runs: usize, work: impl FnMut() -> Result<()>) -> Result<()> {
        let (wall, cpu) = crate::timing::timed(runs, work)?;
        for with in ["", BY_LENGTH] {
            self.record(&format!("{name}{with}"), (wall, cpu));
        }
        Ok(())
    }

    fn examples(&self) -> Result<Vec<Example>> {
        let file = self.dir.join("rows.json");
        let text = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        let rows: Vec<(Vec<i64>, usize)> =
            serde_json::from_slice(&text).with_context(|| format!("reading {}", file.display()))?;
        let example = |(input, class)| Example::new(input, Target::Class(class));
        Ok(rows.into_iter().map(example).collect())
    }
}

/// One epoch; the rows of 32 batches are sorted by length together.
fn config(rows: usize) -> TrainConfig {
    TrainConfig::t_few()
        .with_steps(rows.div_ceil(BATCH))
        .with_batch_size(BATCH)
        .with_learning_rate(1e-6)
        .with_schedule(Schedule::Constant)
        .with_optimizer(OptimizerConfig::adamw())
        .with_max_grad_norm(None)
        .with_bucket(32)
}
