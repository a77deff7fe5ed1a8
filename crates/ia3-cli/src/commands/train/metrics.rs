//! `metrics.jsonl`: one line a step, and one an evaluation.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use ia3::train::StepReport;
use serde_json::{Value, json};

use super::session::Score;

pub(super) struct Metrics {
    path: PathBuf,
    file: File,
}

impl Metrics {
    /// Goes on after `step`: lines of later steps, and half a line that a kill left, are dropped.
    pub(super) fn open(out: &Path, step: usize) -> anyhow::Result<Self> {
        std::fs::create_dir_all(out).with_context(|| format!("cannot make the folder {}", out.display()))?;
        let path = out.join("metrics.jsonl");
        let text = if step > 0 { std::fs::read_to_string(&path).unwrap_or_default() } else { String::new() };
        let done = |line: &&str| {
            let value: Option<Value> = serde_json::from_str(line).ok();
            value.and_then(|v| v["step"].as_u64()).is_some_and(|s| s <= step as u64)
        };
        let kept: String = text.lines().filter(done).map(|line| format!("{line}\n")).collect();
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut metrics = Self { path, file };
        metrics.write(&kept)?;
        Ok(metrics)
    }

    pub(super) fn step(&mut self, report: &StepReport, a_round: f64, seconds: f64) -> anyhow::Result<()> {
        let StepReport { step, loss, learning_rate, grad_norm, tokens } = report;
        let epoch = *step as f64 / a_round;
        let line = json!({"step": step, "epoch": epoch, "loss": loss, "learning_rate": learning_rate,
                          "grad_norm": grad_norm, "tokens": tokens, "seconds": seconds});
        self.write(&format!("{line}\n"))
    }

    pub(super) fn evaluation(&mut self, step: usize, score: Score) -> anyhow::Result<()> {
        let line = json!({"step": step, "eval_loss": score.loss, "eval_exact_match": score.exact_match});
        self.write(&format!("{line}\n"))
    }

    fn write(&mut self, text: &str) -> anyhow::Result<()> {
        let written = self.file.write_all(text.as_bytes());
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }
}
