//! Regressions, and classifiers with several classes per input.

use burn::tensor::DType;
use ia3_data::{Example, Target};
use ia3_models::ProblemType;

use super::evaluation::{Evaluation, Metric};
use super::run::Run;
use crate::error::TrainError;
use crate::objective::loss;
use crate::ranks::{Message, Reader};

/// The result of one batch.
pub(super) struct Batch {
    /// Mean loss of the batch.
    loss: f32,
    /// The logits of all examples, one example after the other.
    logits: Vec<f32>,
}

pub(super) fn evaluate(run: &Run, rows: &[&Example]) -> Result<Batch, TrainError> {
    let mean = loss(&run.model, rows, run.loss)?.total.into_scalar::<f32>();
    let inputs: Vec<Vec<i64>> = rows.iter().map(|example| example.input.clone()).collect();
    let inputs = run.model.batch(&inputs, run.model.padding_side(), &run.device)?;
    let logits = run.model.forward(&inputs)?.cast(DType::F32).into_data();
    Ok(Batch { loss: mean, logits: logits.iter::<f32>().collect() })
}

pub(super) fn summarise(run: &Run, batches: &[Batch]) -> Evaluation {
    let several = run.model.problem() == Some(ProblemType::MultiLabelClassification);
    let (mut values, mut sum) = (vec![vec![]; run.examples.len()], 0.0);
    for (rows, batch) in run.batches.iter().zip(batches) {
        sum += rows.len() as f64 * f64::from(batch.loss);
        let width = batch.logits.len() / rows.len();
        for (&i, logits) in rows.iter().zip(batch.logits.chunks(width)) {
            let value = |logit: &f32| if several { f32::from(*logit > 0.0) } else { *logit };
            values[i] = logits.iter().map(value).collect();
        }
    }
    let targets: Vec<&[f32]> = run.examples.iter().map(target).collect();
    let equal = |(got, expected): &(&Vec<f32>, &&[f32])| got.as_slice() == **expected;
    let exact_match = match several {
        true => run.share(values.iter().zip(&targets).filter(equal).count()),
        false => 0.0,
    };
    let pairs: Vec<(f32, f32)> = values
        .iter()
        .zip(&targets)
        .flat_map(|(got, expected)| got.iter().copied().zip(expected.iter().copied()))
        .collect();
    let (metric, score) = match several {
        true => (Metric::F1, f1(&pairs)),
        false => (Metric::Pearson, pearson(&pairs)),
    };
    let loss = sum / run.examples.len() as f64;
    Evaluation {
        examples: run.examples.len(),
        loss,
        exact_match,
        metric,
        score,
        values,
        ..Evaluation::default()
    }
}

fn target(example: &Example) -> &[f32] {
    match &example.target {
        Target::Values(values) => values,
        _ => &[],
    }
}

/// F1 over the classes of all examples together (micro average). It is 0 if nothing is predicted or expected.
fn f1(pairs: &[(f32, f32)]) -> f64 {
    let count =
        |right: &dyn Fn(bool, bool) -> bool| pairs.iter().filter(|(a, b)| right(*a > 0.5, *b > 0.5)).count();
    let (both, either) = (count(&|a, b| a && b), count(&|a, _| a) + count(&|_, b| b));
    if either == 0 { 0.0 } else { 2.0 * both as f64 / either as f64 }
}

/// Pearson's correlation. It is 0 if one side does not vary.
fn pearson(pairs: &[(f32, f32)]) -> f64 {
    let n = pairs.len().max(1) as f64;
    let mean = |side: &dyn Fn(&(f32, f32)) -> f64| pairs.iter().map(side).sum::<f64>() / n;
    let (x, y) = (mean(&|pair| pair.0.into()), mean(&|pair| pair.1.into()));
    let moment =
        |of: &dyn Fn(f64, f64) -> f64| mean(&|pair| of(f64::from(pair.0) - x, f64::from(pair.1) - y));
    let (xy, xx, yy) = (moment(&|x, y| x * y), moment(&|x, _| x * x), moment(&|_, y| y * y));
    if xx * yy > 0.0 { xy / (xx * yy).sqrt() } else { 0.0 }
}

impl Message for Batch {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.loss.write(bytes);
        self.logits.write(bytes);
    }

    fn read(reader: &mut Reader) -> Option<Self> {
        Some(Self { loss: f32::read(reader)?, logits: Vec::read(reader)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of `scipy.stats.pearsonr` and of `2·tp / (predicted + expected)`.
    #[test]
    fn correlation_and_f1_are_those_of_the_literature() {
        let r = pearson(&[(1.0, 2.0), (2.0, 1.5), (4.0, 7.0), (0.0, -1.0)]);
        assert!((r - 0.953_768_3).abs() < 1e-6, "{r}");
        assert_eq!(pearson(&[(1.0, 2.0), (1.0, 3.0)]), 0.0);
        assert_eq!(f1(&[(1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (1.0, 1.0)]), 4.0 / 6.0);
        assert_eq!(f1(&[(0.0, 0.0)]), 0.0);
    }
}
