//! From examples to a loss.

mod choice_losses;
mod choices;
mod cross_entropy;

use std::ops::Range;

use burn::tensor::Tensor;
use ia3_data::Example;
use ia3_models::Model;

use crate::error::{ExampleError, TrainError};
use crate::loss_config::LossConfig;
use crate::target_kind::{TargetKind, check};

pub(crate) use choice_losses::{Choices, Mean};
pub use choices::choice_loss;
pub(crate) use choices::score;

/// The loss of a micro-batch and its terms, each of shape `[1]`.
#[derive(Clone, Debug)]
pub struct Loss {
    /// The weighted sum of the terms. Differentiate this.
    pub total: Tensor<1>,
    /// Mean cross entropy: per class, or per token of the (right) texts.
    pub cross_entropy: Tensor<1>,
    /// Number of classes or tokens over which `cross_entropy` is a mean.
    pub labelled: usize,
    /// The length-normalised loss `L_LN` over choices, if its weight is not 0.
    pub length_normalised: Option<Tensor<1>>,
    /// The unlikelihood loss `L_UL` of wrong choices, if its weight is not 0.
    pub unlikelihood: Option<Tensor<1>>,
    /// Number of tokens of the inputs and of the scored texts, without padding.
    pub tokens: usize,
}

/// The loss of `model` on `examples`: a mean over this micro-batch, as T-Few's authors compute it.
///
/// All targets have to be of one kind, which the model produces:
///
/// - a text: cross entropy per token;
/// - a class: cross entropy per example;
/// - values: the squared error, or the binary cross entropy of a classifier with several classes per input, per value;
/// - a class for each token: cross entropy per token that has one;
/// - one of several texts: `L_LM + mc_loss·L_LN + unlikely_loss·L_UL` (arXiv 2205.05638 §3.2;
///   `src/models/EncoderDecoder.py` of r-three/t-few, which has the constants), see [`choice_loss`].
///
/// The mean over a large micro-batch weights an example less than the mean over a small one does. T-Few accumulates the
/// gradients of such means.
///
/// # Errors
///
/// There are no examples, an example has an empty part, a target is of another kind than the first one or of a kind that
/// the model does not produce, a setting is out of range, or the model refuses an input.
pub fn loss(model: &Model, examples: &[&Example], config: &LossConfig) -> Result<Loss, TrainError> {
    let group = [examples.to_vec()];
    losses(model, &group, config)?.pop().ok_or(ExampleError::NoExamples.into())
}

/// The loss of each group of `examples`, from one forward pass over all of them. It equals [`loss`] of that group.
pub(crate) fn losses(
    model: &Model,
    groups: &[Vec<&Example>],
    config: &LossConfig,
) -> Result<Vec<Loss>, TrainError> {
    config.check()?;
    match check(groups.iter().flatten().copied(), model)? {
        TargetKind::Choices if config.compares() => choices::losses(model, groups, config),
        _ => cross_entropy::losses(model, groups, config.causal),
    }
}

/// Consecutive ranges of these lengths.
fn ranges(lengths: impl IntoIterator<Item = usize>) -> impl Iterator<Item = Range<usize>> {
    lengths.into_iter().scan(0, |end, length| {
        *end += length;
        Some(*end - length..*end)
    })
}
