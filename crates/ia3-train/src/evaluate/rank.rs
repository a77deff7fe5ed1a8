//! Rank classification: the choice of the lowest score is the answer.

use ia3_data::{Example, Target};

use super::{Evaluation, MeanScores, Numbers, Run};
use crate::error::TrainError;
use crate::objective::{Choices, Mean, score};

/// Sum and count of each term of the loss, and the score of each choice.
pub(super) fn numbers(run: &Run, rows: &[&Example]) -> Result<Numbers, TrainError> {
    let (likelihoods, answers) = score(&run.model, rows)?;
    let choices = Choices { likelihoods: &likelihoods, answers: &answers };
    let terms = [
        choices.language_modelling(),
        choices.length_normalised(run.config.length_norm),
        choices.unlikelihood(run.config.unlikelihood),
    ];
    let term = |mean: Mean| [mean.sum.into_scalar::<f32>(), mean.count as f32];
    let scores = choices.scores(run.config.length_norm).into_data();
    Ok(terms.into_iter().flat_map(term).chain(scores.iter::<f32>()).collect())
}

pub(super) fn sum(run: &Run, batches: &[Numbers]) -> Evaluation {
    let (mut predictions, mut hits) = (vec![0; run.examples.len()], 0);
    let [mut lm, mut ln, mut ul, mut right, mut wrong] = [Sum::default(); 5];
    for (batch, numbers) in run.batches.iter().zip(batches) {
        let (terms, mut rest) = numbers.split_at(6);
        [&mut lm, &mut ln, &mut ul].into_iter().zip(terms.chunks(2)).for_each(|(sum, term)| sum.add(term));
        for &i in batch {
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
    let (mc_loss, unlikely_loss) = (run.config.mc_loss, run.config.unlikely_loss);
    Evaluation {
        examples: run.examples.len(),
        loss: lm.mean_or_zero() + term(mc_loss, ln) + term(unlikely_loss, ul),
        exact_match: run.share(hits),
        accuracy: Some(run.share(hits)),
        predictions,
        scores: Some(MeanScores { right: right.mean(), best_wrong: wrong.mean() }),
        ..Evaluation::default()
    }
}

/// The lowest score and where it is, the first of equal ones, apart from that of a choice left out; NaN is highest.
fn lowest(scores: &[f32], left_out: Option<usize>) -> Option<(usize, f32)> {
    let others = scores.iter().copied().enumerate().filter(|(choice, _)| Some(*choice) != left_out);
    let rank = |score: f32| if score.is_nan() { f32::INFINITY } else { score };
    others.min_by(|a, b| rank(a.1).total_cmp(&rank(b.1)))
}

/// Of all batches.
#[derive(Clone, Copy, Default)]
struct Sum {
    sum: f64,
    count: usize,
}

impl Sum {
    /// The sum of a batch, and of how many.
    fn add(&mut self, term: &[f32]) {
        self.sum += f64::from(term[0]);
        self.count += term[1] as usize;
    }

    fn count(&mut self, value: f32) {
        self.sum += f64::from(value);
        self.count += 1;
    }

    /// NaN of nothing.
    fn mean(self) -> f64 {
        self.sum / self.count as f64
    }

    fn mean_or_zero(self) -> f64 {
        self.sum / self.count.max(1) as f64
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
