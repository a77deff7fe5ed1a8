use std::fmt;

use ia3::TrainableParameters;
use serde::Serialize;

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
    pub(super) bytes: u64,
    pub(super) out: String,
}

#[derive(Serialize)]
pub(super) struct BeforeAfter {
    pub(super) examples: usize,
    pub(super) loss_before: f64,
    pub(super) loss_after: f64,
    pub(super) exact_match_before: f64,
    pub(super) exact_match_after: f64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameters =
            TrainableParameters { trainable: self.trainable_parameters, all: self.all_parameters };
        writeln!(f, "{parameters}")?;
        let Self { steps, seconds, first_loss, last_loss, .. } = self;
        writeln!(f, "{steps} steps in {seconds:.1} s, loss {first_loss:.4} -> {last_loss:.4}")?;
        if let Some(e) = &self.evaluation {
            let (before, after) = (100.0 * e.exact_match_before, 100.0 * e.exact_match_after);
            writeln!(f, "loss on {} examples {:.4} -> {:.4}", e.examples, e.loss_before, e.loss_after)?;
            writeln!(f, "exact match {before:.1} % -> {after:.1} %")?;
        }
        write!(f, "{} bytes -> {}", self.bytes, self.out)
    }
}
