//! Reads `metrics.jsonl` as curves for the plot.

use std::collections::BTreeMap;
use std::path::Path;

use ia3_guard::{Limit, read_bytes};
use serde_json::Value;

/// Curves of points `(step, value)`.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    pub(super) training: Vec<(f64, f64)>,
    pub(super) held_out: Vec<(f64, f64)>,
    pub(super) exact_match: Vec<(f64, f64)>,
    pub(super) accuracy: Vec<(f64, f64)>,
    /// The training loss of each task, where the tasks have names.
    pub(super) tasks: BTreeMap<String, Vec<(f64, f64)>>,
    pub(super) last_step: f64,
}

/// The most points that a curve keeps; more would not be visible.
const POINTS: usize = 500;

impl History {
    /// Reads the file; lines that are not complete are skipped.
    pub(super) fn read(path: &Path) -> Self {
        let bytes = read_bytes(path, Limit::LOG).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let mut history = Self::default();
        for line in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            history.add(&line);
        }
        history.training = thinned(&history.training);
        history.tasks.values_mut().for_each(|points| *points = thinned(points));
        history
    }

    fn add(&mut self, line: &Value) {
        let Some(step) = line["step"].as_f64() else { return };
        self.last_step = self.last_step.max(step);
        for (name, points) in [
            ("loss", &mut self.training),
            ("eval_loss", &mut self.held_out),
            ("eval_exact_match", &mut self.exact_match),
            ("eval_accuracy", &mut self.accuracy),
        ] {
            points.extend(line[name].as_f64().map(|value| (step, value)));
        }
        for (task, loss) in line["losses"].as_object().into_iter().flatten() {
            self.tasks.entry(task.clone()).or_default().extend(loss.as_f64().map(|loss| (step, loss)));
        }
    }
}

/// The means of groups of consecutive points, so that at most [`POINTS`] remain.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let size = points.len().div_ceil(POINTS).max(1);
    let mean = |part: &[(f64, f64)]| {
        let (x, y) = part.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        (x / part.len() as f64, y / part.len() as f64)
    };
    points.chunks(size).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_points_and_long_curves_are_thinned() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        let mut text: String =
            (1..=1200).map(|step| format!("{{\"step\": {step}, \"loss\": {step}}}\n")).collect();
        text +=
            "{\"step\": 1200, \"eval_loss\": 2.5, \"eval_exact_match\": 0.5, \"eval_accuracy\": null}\n{\"st";
        std::fs::write(&path, text).unwrap();
        let history = History::read(&path);
        assert_eq!(history.training.len(), 400);
        assert_eq!(history.training[1], (5.0, 5.0));
        assert_eq!((history.held_out, history.exact_match), (vec![(1200.0, 2.5)], vec![(1200.0, 0.5)]));
        assert!(history.accuracy.is_empty() && history.tasks.is_empty());
        let lines = "{\"step\": 1, \"loss\": 2, \"losses\": {\"a\": 1, \"b\": 3}}\n{\"step\": 2, \"losses\": {\"a\": 0.5}}\n";
        std::fs::write(&path, lines).unwrap();
        let tasks = History::read(&path).tasks;
        assert_eq!(tasks["a"], [(1.0, 1.0), (2.0, 0.5)]);
        assert_eq!(tasks["b"], [(1.0, 3.0)]);
    }
}
