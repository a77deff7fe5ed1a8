//! The loss of targets that are one of several texts.

use std::ops::Range;

use burn::tensor::Tensor;
use ia3_data::{Example, Target};
use ia3_models::{LogLikelihoods, Model};

use super::choice_losses::Choices;
use super::{Loss, ranges};
use crate::error::TrainError;
use crate::loss_config::LossConfig;

pub(super) fn losses(
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
    // As wide as these texts alone need it, because the authors' loss counts padding.
    let width = lengths.iter().copied().max().unwrap_or(0);
    LogLikelihoods { tokens: all.tokens.clone().slice([before..before + rows, 0..width]), lengths, counts }
}

/// The likelihood of each choice of each example, and the number of each right choice.
pub(crate) fn score(
    model: &Model,
    examples: &[&Example],
) -> Result<(LogLikelihoods, Vec<usize>), TrainError> {
    let (inputs, answers): (Vec<_>, Vec<_>) = examples.iter().filter_map(|e| choices(e)).unzip();
    Ok((model.log_likelihoods(&inputs)?, answers))
}

/// The input with its choices, and the number of the right choice.
fn choices(example: &Example) -> Option<(Alternatives<'_>, usize)> {
    match &example.target {
        Target::Choices { choices, answer } => Some(((&example.input, choices), *answer)),
        _ => None,
    }
}

/// An input, and the texts that may follow it.
type Alternatives<'a> = (&'a [i64], &'a [Vec<i64>]);

/// The loss over choices whose likelihoods are known: `L_LM + mc_loss·L_LN + unlikely_loss·L_UL`.
///
/// Let `y` be the right text and `T` the number of tokens of a text. Then
///
/// - `L_LM = −Σ log p(y_t) / Σ T`, over the right texts of the micro-batch;
/// - `L_LN = mean −log softmax(−s)_y` with `s = (Σ_t −log p_t) / T^length_norm`; the softmax is over the texts of one
///   example, whose number may differ between examples;
/// - `L_UL` of the wrong texts is defined in [`Unlikelihood`](crate::Unlikelihood), and is 0 without wrong texts.
///
/// # Panics
///
/// If the number of `answers` is not the number of inputs, or an answer is not below the number of choices of its input.
pub fn choice_loss(likelihoods: &LogLikelihoods, answers: &[usize], config: &LossConfig) -> Loss {
    assert_eq!(answers.len(), likelihoods.counts.len(), "there has to be one answer per input");
    let fits = answers.iter().zip(&likelihoods.counts).all(|(answer, count)| answer < count);
    assert!(fits, "the answers are {answers:?}, but the inputs have {:?} choices", likelihoods.counts);
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
