//! From examples to a loss.

mod config;
mod terms;

use std::ops::Range;

use burn::module::Module;
use burn::tensor::Tensor;
use ia3_data::{Example, Target};
use ia3_models::{LogLikelihoods, Model, RowLosses};

use crate::data::{Counts, collate_for};
use crate::error::TrainError;
use crate::kind::{Kind, check};

pub use config::{CausalLoss, LossConfig, Unlikelihood};
pub(crate) use terms::{Choices, Mean};

/// The loss of a micro-batch and its terms; each `[1]`.
#[derive(Clone, Debug)]
pub struct Loss {
    /// The weighted sum of the terms: what to differentiate.
    pub total: Tensor<1>,
    /// Mean cross entropy of the classes, or a token of the (right) texts.
    pub cross_entropy: Tensor<1>,
    /// Classes or tokens which that is a mean of.
    pub labelled: usize,
    /// The length-normalised loss `L_LN` over choices, if it has a weight.
    pub length_normalised: Option<Tensor<1>>,
    /// The unlikelihood loss `L_UL` of wrong choices, if it has a weight.
    pub unlikelihood: Option<Tensor<1>>,
    /// Real tokens of inputs and of the texts that were scored.
    pub tokens: usize,
}

/// The loss of `model` on `examples`: a mean over this micro-batch, as T-Few's authors take it.
///
/// All targets are of one kind, which the model answers:
///
/// - a text: cross entropy, a token;
/// - a class: cross entropy, an example;
/// - one of several texts: `L_LM + mc_loss·L_LN + unlikely_loss·L_UL` (arXiv 2205.05638 §3.2;
///   `src/models/EncoderDecoder.py` of r-three/t-few, from which the constants are), see [`choice_loss`].
///
/// Means of micro-batches of different sizes weigh their examples differently; T-Few accumulates gradients of such
/// means.
///
/// # Errors
///
/// No examples, an empty one, one whose target is of another kind than the first's or that the model has no answer for,
/// settings out of range, and an input that the model refuses.
pub fn loss(model: &Model, examples: &[&Example], config: &LossConfig) -> Result<Loss, TrainError> {
    let group = [examples.to_vec()];
    losses(model, &group, config)?.pop().ok_or(TrainError::NoExamples)
}

/// The loss of each group of `examples`, from one forward over all of them: that of [`loss`] on the group by itself.
pub(crate) fn losses(
    model: &Model,
    groups: &[Vec<&Example>],
    config: &LossConfig,
) -> Result<Vec<Loss>, TrainError> {
    config.check()?;
    match check(groups.iter().flatten().copied(), model)? {
        Kind::Choices if config.compares() => choice_losses(model, groups, config),
        _ => cross_entropies(model, groups, config.causal),
    }
}

fn choice_losses(
    model: &Model,
    groups: &[Vec<&Example>],
    config: &LossConfig,
) -> Result<Vec<Loss>, TrainError> {
    let (likelihoods, answers) = score(model, &groups.concat())?;
    let of_group = |(inputs, group): (Range<usize>, &Vec<&Example>)| {
        let loss = choice_loss(&of_inputs(&likelihoods, inputs.clone()), &answers[inputs], config);
        let tokens: usize = group.iter().map(|e| e.input.len()).sum();
        Loss { tokens: tokens + loss.tokens, ..loss }
    };
    Ok(ranges(groups.iter().map(Vec::len)).zip(groups).map(of_group).collect())
}

/// The texts of some of the inputs.
fn of_inputs(all: &LogLikelihoods, inputs: Range<usize>) -> LogLikelihoods {
    let before: usize = all.counts[..inputs.start].iter().sum();
    let counts = all.counts[inputs].to_vec();
    let rows: usize = counts.iter().sum();
    let lengths = all.lengths[before..before + rows].to_vec();
    // As wide as they were alone: the authors' loss counts padding.
    let width = lengths.iter().copied().max().unwrap_or(0);
    LogLikelihoods { tokens: all.tokens.clone().slice([before..before + rows, 0..width]), lengths, counts }
}

fn cross_entropies(
    model: &Model,
    groups: &[Vec<&Example>],
    causal: CausalLoss,
) -> Result<Vec<Loss>, TrainError> {
    let device = model.devices().first().cloned().unwrap_or_default();
    let batch = collate_for(causal, &groups.concat(), model, &device);
    let rows = model.row_losses(&batch.inputs, batch.labels)?;
    let of_group = |(range, group): (Range<usize>, &Vec<&Example>)| {
        let own = |t: &Tensor<1>| t.clone().narrow(0, range.start, range.len());
        let loss = RowLosses { sums: own(&rows.sums), counts: own(&rows.counts) }.mean();
        let Counts { tokens, labelled } = Counts::of(group, causal, model.task());
        let (length_normalised, unlikelihood) = (None, None);
        Loss { total: loss.clone(), cross_entropy: loss, labelled, length_normalised, unlikelihood, tokens }
    };
    Ok(ranges(groups.iter().map(Vec::len)).zip(groups).map(of_group).collect())
}

/// Consecutive ranges of these lengths.
fn ranges(lengths: impl IntoIterator<Item = usize>) -> impl Iterator<Item = Range<usize>> {
    lengths.into_iter().scan(0, |end, length| {
        *end += length;
        Some(*end - length..*end)
    })
}

/// The likelihood of every choice of every example, and the number of each right one.
pub(crate) fn score(
    model: &Model,
    examples: &[&Example],
) -> Result<(LogLikelihoods, Vec<usize>), TrainError> {
    let (inputs, answers): (Vec<_>, Vec<_>) = examples.iter().filter_map(|e| choices(e)).unzip();
    Ok((model.log_likelihoods(&inputs)?, answers))
}

/// Input and choices, and which choice is right.
fn choices(example: &Example) -> Option<(Alternatives<'_>, usize)> {
    match &example.target {
        Target::Choices { choices, answer } => Some(((&example.input, choices), *answer)),
        Target::Tokens(_) | Target::Class(_) => None,
    }
}

/// An input, and the texts that may follow it.
type Alternatives<'a> = (&'a [i64], &'a [Vec<i64>]);

/// The loss over choices whose likelihoods are known: `L_LM + mc_loss·L_LN + unlikely_loss·L_UL`.
///
/// With `y` the right text and `T` a text's tokens:
///
/// - `L_LM = −Σ log p(y_t) / Σ T`, over the right texts of the micro-batch;
/// - `L_LN = mean −log softmax(−s)_y` with `s = (Σ_t −log p_t) / T^length_norm`, over each example's own texts, however
///   many they are;
/// - `L_UL` of the wrong texts as [`Unlikelihood`] says; 0 where there is none.
///
/// # Panics
///
/// If there is not one answer an input, or one is none of its input's texts.
pub fn choice_loss(likelihoods: &LogLikelihoods, answers: &[usize], config: &LossConfig) -> Loss {
    assert_eq!(answers.len(), likelihoods.counts.len(), "there is one answer an input");
    let fits = answers.iter().zip(&likelihoods.counts).all(|(answer, count)| answer < count);
    assert!(fits, "answers {answers:?} of {:?} texts", likelihoods.counts);
    let choices = Choices { likelihoods, answers };
    let lm = choices.language_modelling();
    let labelled = lm.count;
    let cross_entropy = lm.value();
    let length_normalised =
        (config.mc_loss > 0.0).then(|| choices.length_normalised(config.length_norm).value());
    let unlikelihood = (config.unlikely_loss > 0.0).then(|| {
        let form = config.unlikelihood;
        choices.unlikelihood(form).value() + choices.masked_constant(form)
    });
    let terms = [(&length_normalised, config.mc_loss), (&unlikelihood, config.unlikely_loss)];
    let add = |total: Tensor<1>, (term, weight): (&Option<Tensor<1>>, f64)| match term {
        Some(term) => total + term.clone() * weight,
        None => total,
    };
    Loss {
        total: terms.into_iter().fold(cross_entropy.clone(), add),
        cross_entropy,
        labelled,
        length_normalised,
        unlikelihood,
        tokens: likelihoods.lengths.iter().sum(),
    }
}
