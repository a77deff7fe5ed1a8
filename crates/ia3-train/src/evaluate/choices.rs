//! Rank classification: the choice with the lowest score is the answer.

use ia3_data::{Example, Target};

use super::evaluation::{Evaluation, MeanScores, Metric};
use super::run::Run;
use crate::error::TrainError;
use crate::objective::{Choices, Mean, score};
use crate::ranks::{Message, Reader};

/// The result of one batch.
pub(super) struct Batch {
    language_modelling: Term,
    length_normalised: Term,
    unlikelihood: Term,
    /// The scores of the choices of all examples, one example after the other.
    scores: Vec<f32>,
}

pub(super) fn evaluate(run: &Run, rows: &[&Example]) -> Result<Batch, TrainError> {
    let (likelihoods, answers) = score(&run.model, rows)?;
    let choices = Choices { likelihoods: &likelihoods, answers: &answers };
    let scores = choices.scores(run.loss.length_norm).into_data();
    Ok(Batch {
        language_modelling: Term::of(choices.language_modelling()),
        length_normalised: Term::of(choices.length_normalised(run.loss.length_norm)),
        unlikelihood: Term::of(choices.unlikelihood(run.loss.unlikelihood)),
        scores: scores.iter::<f32>().collect(),
    })
}

pub(super) fn summarise(run: &Run, batches: &[Batch]) -> Evaluation {
    let (mut predictions, mut hits) = (vec![0; run.examples.len()], 0);
    let [mut lm, mut ln, mut ul, mut right, mut wrong] = [Sum::default(); 5];
    for (rows, batch) in run.batches.iter().zip(batches) {
        lm.add(&batch.language_modelling);
        ln.add(&batch.length_normalised);
        ul.add(&batch.unlikelihood);
        let mut rest = batch.scores.as_slice();
        for &i in rows {
            let Target::Choices { choices, answer } = &run.examples[i].target else { continue };
            let (scores, behind) = rest.split_at(choices.len());
            rest = behind;
            predictions[i] = lowest(scores, None).map_or(0, |(choice, _)| choice);
            hits += usize::from(predictions[i] == *answer);
            right.count(scores[*answer]);
            lowest(scores, Some(*answer)).into_iter().for_each(|(_, score)| wrong.count(score));
        }
    }
    let term = |weight: f64, sum: Sum| if weight > 0.0 { weight * sum.mean_or_zero() } else { 0.0 };
    let (mc_loss, unlikely_loss) = (run.loss.mc_loss, run.loss.unlikely_loss);
    Evaluation {
        examples: run.examples.len(),
        loss: lm.mean_or_zero() + term(mc_loss, ln) + term(unlikely_loss, ul),
        exact_match: run.share(hits),
        accuracy: Some(run.share(hits)),
        metric: Metric::Accuracy,
        score: run.share(hits),
        predictions,
        scores: Some(MeanScores { right: right.mean(), best_wrong: wrong.mean() }),
        ..Evaluation::default()
    }
}

/// The choice with the lowest score, and the score, without the choice `left_out`. The first of equal scores counts, and NaN
/// is the highest.
fn lowest(scores: &[f32], left_out: Option<usize>) -> Option<(usize, f32)> {
    let others = scores.iter().copied().enumerate().filter(|(choice, _)| Some(*choice) != left_out);
    let rank = |score: f32| if score.is_nan() { f32::INFINITY } else { score };
    others.min_by(|a, b| rank(a.1).total_cmp(&rank(b.1)))
}

/// A sum over all batches, and the number of summands.
#[derive(Clone, Copy, Default)]
struct Sum {
    sum: f64,
    count: usize,
}

impl Sum {
    fn add(&mut self, term: &Term) {
        self.sum += f64::from(term.sum);
        self.count += term.count;
    }

    fn count(&mut self, value: f32) {
        self.sum += f64::from(value);
        self.count += 1;
    }

    /// The mean; NaN without summands.
    fn mean(self) -> f64 {
        self.sum / self.count as f64
    }

    fn mean_or_zero(self) -> f64 {
        self.sum / self.count.max(1) as f64
    }
}

/// A term of the loss over one batch.
struct Term {
    sum: f32,
    count: usize,
}

impl Term {
    fn of(mean: Mean) -> Self {
        Self { sum: mean.sum.into_scalar::<f32>(), count: mean.count }
    }
}

impl Message for Term {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.sum.write(bytes);
        self.count.write(bytes);
    }

    fn read(reader: &mut Reader) -> Option<Self> {
        Some(Self { sum: f32::read(reader)?, count: usize::read(reader)? })
    }
}

impl Message for Batch {
    fn write(&self, bytes: &mut Vec<u8>) {
        [&self.language_modelling, &self.length_normalised, &self.unlikelihood]
            .into_iter()
            .for_each(|term| term.write(bytes));
        self.scores.write(bytes);
    }

    fn read(reader: &mut Reader) -> Option<Self> {
        let [language_modelling, length_normalised, unlikelihood] =
            [Term::read(reader)?, Term::read(reader)?, Term::read(reader)?];
        Some(Self { language_modelling, length_normalised, unlikelihood, scores: Vec::read(reader)? })
    }
}

#[cfg(test)]
mod tests {
    use super::lowest;

    #[test]
    fn the_lowest_score_wins_the_first_of_equals_and_never_nan() {
        assert_eq!(lowest(&[2.0, 1.0, 1.0], None), Some((1, 1.0)));
        assert_eq!(lowest(&[2.0, 1.0, 1.0], Some(1)), Some((2, 1.0)));
        assert_eq!(lowest(&[f32::NAN, 9.0], None), Some((1, 9.0)));
        assert_eq!(lowest(&[3.0], Some(0)), None);
    }
}
