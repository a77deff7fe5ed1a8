use std::fs;
use std::path::Path;

use anyhow::Context;
use ia3::train::{Example, Target};
use serde::Deserialize;

/// What PEFT did on one domain.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The training rows, step after step.
    pub order: Vec<usize>,
    /// The loss of each step.
    pub losses: Vec<f32>,
    /// The share of test rows that it classified right.
    pub accuracy: f64,
}

#[derive(Deserialize)]
struct Run {
    order: Vec<usize>,
    losses: Vec<f32>,
}

impl Reference {
    /// Reads `<name>_train.json` and `<name>_test_logits.safetensors` of a folder; `test` are the rows of the logits.
    ///
    /// # Errors
    ///
    /// What cannot be read, and logits of another number of rows.
    pub fn read(dir: &Path, name: &str, test: &[Example]) -> anyhow::Result<Self> {
        let path = dir.join(format!("{name}_train.json"));
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let Run { order, losses } =
            serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        let path = dir.join(format!("{name}_test_logits.safetensors"));
        let logits: Vec<f32> = ia3::io::Checkpoint::open(&path)?.tensor("logits")?.iter().collect();
        let rows = logits.len() / 2;
        anyhow::ensure!(
            rows == test.len(),
            "{} has {rows} rows, the test set {}",
            path.display(),
            test.len()
        );
        let right = |(row, example): &(&[f32], &Example)| {
            example.target == Target::Class(usize::from(row[1] > row[0]))
        };
        let hits = logits.chunks(2).zip(test).filter(right).count();
        Ok(Self { order, losses, accuracy: hits as f64 / rows as f64 })
    }

    /// The largest difference between a loss of these and that of the same step, with the step, from 1.
    pub fn worst_step(&self, losses: &[f32]) -> (f32, usize) {
        let differences = losses.iter().zip(&self.losses).map(|(a, b)| (a - b).abs());
        let steps = differences.zip(1..);
        steps.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((f32::NAN, 0))
    }
}

/// The rows in this order, as often as they come in it.
///
/// # Errors
///
/// A row that there is not.
pub fn in_order(rows: &[Example], order: &[usize]) -> anyhow::Result<Vec<Example>> {
    let row = |&i: &usize| rows.get(i).cloned().with_context(|| format!("row {i} of {}", rows.len()));
    order.iter().map(row).collect()
}
