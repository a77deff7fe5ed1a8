//! How a model does on examples it is not trained on.

mod batches;
mod class;
mod quartiles;
mod rank;
mod text;

use burn::module::Module;
use burn::tensor::Device;
use ia3_data::Example;
use ia3_models::Model;

use crate::error::TrainError;
use crate::kind::{Kind, check};
use crate::objective::LossConfig;
use crate::ranks::{Alone, Communicator, gather};

pub use quartiles::Quartiles;

/// How a model does on examples it is not trained on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// How many examples there are.
    pub examples: usize,
    /// The loss over all examples together: the mean cross entropy of a target token or of a class; of choices the weighted
    /// sum of the terms, each a mean over the whole data and without what padding adds to the authors' unlikelihood loss.
    pub loss: f64,
    /// Share of examples whose answer is the target: the greedy generation, token for token; the class; the choice.
    pub exact_match: f64,
    /// Share of examples whose class or choice is right; absent where the targets are texts.
    pub accuracy: Option<f64>,
    /// The generated ids, in the order of the examples, without start, end and padding; empty for classes and choices.
    pub generated: Vec<Vec<i64>>,
    /// The class or choice of each example; empty where the targets are texts.
    pub predictions: Vec<usize>,
    /// How far apart right and wrong choices are; absent where the targets are no choices.
    pub scores: Option<MeanScores>,
}

/// Means of the scores `s = (Σ −log p) / T^length_norm` of choices; the lowest of an example is predicted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanScores {
    /// Of the right choices.
    pub right: f64,
    /// Of each example's best wrong choice; NaN where there is no wrong one.
    pub best_wrong: f64,
}

/// [`evaluate_with`] the default [`LossConfig`].
///
/// # Errors
///
/// As [`evaluate_with`].
pub fn evaluate(model: &Model, examples: &[Example], batch_size: usize) -> Result<Evaluation, TrainError> {
    evaluate_with(model, examples, batch_size, &LossConfig::default())
}

/// Loss, and how many answers are right: the greedy generation for a text, the most likely class, and for one of several
/// texts the one of the lowest score (rank classification, arXiv 2205.05638 §3.2 and §4.1).
///
/// Examples of similar length share a batch. A batch has at most `batch_size` rows, one for each example or for each of
/// its choices; an example's choices stay together.
///
/// # Errors
///
/// Empty data, targets of different kinds or of a kind that the model has no answer for, settings out of range, and an
/// input that the model refuses.
pub fn evaluate_with(
    model: &Model,
    examples: &[Example],
    batch_size: usize,
    config: &LossConfig,
) -> Result<Evaluation, TrainError> {
    evaluate_by_ranks(model, examples, batch_size, config, &Alone)
}

/// As [`evaluate_with`], by all processes of `ranks`: rank `r` of `n` does the batches `r`, `r + n`, …, and every rank gets
/// the whole result.
///
/// It is that of one process to the bit where the ranks compute the same numbers: batches are those of one process, and
/// what they gave is added up in the same order. Every rank calls it with the same model, examples and settings. Ids and
/// counts of a batch are exact below 2²⁴.
///
/// # Errors
///
/// As [`evaluate_with`], and [`TrainError::OtherRankEvaluation`] where another rank met that.
pub fn evaluate_by_ranks(
    model: &Model,
    examples: &[Example],
    batch_size: usize,
    config: &LossConfig,
    ranks: &dyn Communicator,
) -> Result<Evaluation, TrainError> {
    config.check()?;
    let kind = check(examples, model)?;
    let run = Run {
        model: model.valid(),
        device: model.devices().first().cloned().unwrap_or_default(),
        examples,
        batches: batches::of_similar_length(examples, batch_size),
        config,
    };
    match kind {
        Kind::Text => Ok(text::sum(&run, &run.by_ranks(ranks, text::numbers)?)),
        Kind::Class => Ok(class::sum(&run, &run.by_ranks(ranks, class::numbers)?)),
        Kind::Choices => Ok(rank::sum(&run, &run.by_ranks(ranks, rank::numbers)?)),
    }
}

/// An evaluation under way.
struct Run<'a> {
    /// Without dropout.
    model: Model,
    device: Device,
    examples: &'a [Example],
    /// Positions of the examples of each batch.
    batches: Vec<Vec<usize>>,
    config: &'a LossConfig,
}

/// Numbers of a batch: of its examples, or of the whole.
type Numbers = Vec<f32>;

impl Run<'_> {
    /// What `numbers` makes of every batch, of which this rank computes its share.
    fn by_ranks(
        &self,
        ranks: &dyn Communicator,
        numbers: impl Fn(&Self, &[&Example]) -> Result<Numbers, TrainError>,
    ) -> Result<Vec<Numbers>, TrainError> {
        let own = self.batches.iter().skip(ranks.rank()).step_by(ranks.size());
        let own: Result<Vec<Numbers>, TrainError> =
            own.map(|batch| numbers(self, &self.rows(batch))).collect();
        if ranks.size() == 1 {
            return own;
        }
        let (own, error) = own.map_or_else(|error| (None, Some(error)), |own| (Some(own), None));
        let all = gather(own, self.batches.len(), ranks);
        match error {
            Some(error) => Err(error),
            None => all.map_err(|failed| TrainError::OtherRankEvaluation { failed }),
        }
    }

    fn rows(&self, batch: &[usize]) -> Vec<&Example> {
        batch.iter().map(|&i| &self.examples[i]).collect()
    }

    fn share(&self, hits: usize) -> f64 {
        hits as f64 / self.examples.len() as f64
    }
}
