//! Rank classification: the choice of the lowest score is the answer.

use super::{Evaluation, MeanScores, Run};
use crate::error::TrainError;
use crate::objective::{Choices, Mean, score};

pub(super) fn evaluate(run: &Run) -> Result<Evaluation, TrainError> {
    let (mut predictions, mut hits) = (vec![0; run.examples.len()], 0);
    let [mut lm, mut ln, mut ul, mut right, mut wrong] = [Sum::default(); 5];
    for batch in &run.batches {
        let (likelihoods, answers) = score(&run.model, &run.rows(batch))?;
        let choices = Choices { likelihoods: &likelihoods, answers: &answers };
        lm.add(choices.language_modelling());
        ln.add(choices.length_normalised(run.config.length_norm));
        ul.add(choices.unlikelihood(run.config.unlikelihood));
        let scores: Vec<f32> = choices.scores(run.config.length_norm).into_data().iter().collect();
        for ((&i, rows), &answer) in batch.iter().zip(likelihoods.rows()).zip(&answers) {
            let scores = &scores[rows];
            predictions[i] = lowest(scores, None).map_or(0, |(choice, _)| choice);
            hits += usize::from(predictions[i] == answer);
            right.count(scores[answer]);
            lowest(scores, Some(answer)).into_iter().for_each(|(_, score)| wrong.count(score));
        }
    }
    let term = |weight: f64, sum: Sum| if weight > 0.0 { weight * sum.mean_or_zero() } else { 0.0 };
    let (mc_loss, unlikely_loss) = (run.config.mc_loss, run.config.unlikely_loss);
    Ok(Evaluation {
        examples: run.examples.len(),
        loss: lm.mean_or_zero() + term(mc_loss, ln) + term(unlikely_loss, ul),
        exact_match: run.share(hits),
        accuracy: Some(run.share(hits)),
        predictions,
        scores: Some(MeanScores { right: right.mean(), best_wrong: wrong.mean() }),
        ..Evaluation::default()
    })
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
    fn add(&mut self, mean: Mean) {
        self.sum += f64::from(mean.sum.into_scalar::<f32>());
        self.count += mean.count;
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
