use ia3_data::Example;
use ia3_models::cross_entropy;

use super::{Evaluation, Numbers, Run};
use crate::data::{collate, target};
use crate::error::TrainError;

/// The mean loss, and the class of each example.
pub(super) fn numbers(run: &Run, rows: &[&Example]) -> Result<Numbers, TrainError> {
    let inputs = collate(rows, &run.model, &run.device);
    let logits = run.model.forward(&inputs.inputs)?;
    let classes = logits.clone().argmax(2).into_data();
    let loss = cross_entropy(logits, inputs.labels).into_scalar::<f32>();
    Ok([loss].into_iter().chain(classes.iter::<i64>().map(|class| class as f32)).collect())
}

pub(super) fn sum(run: &Run, batches: &[Numbers]) -> Evaluation {
    let mut predictions = vec![0; run.examples.len()];
    let mut sum = 0.0;
    for (batch, numbers) in run.batches.iter().zip(batches) {
        sum += batch.len() as f64 * f64::from(numbers[0]);
        for (&i, &class) in batch.iter().zip(&numbers[1..]) {
            predictions[i] = class as usize;
        }
    }
    let hits =
        predictions.iter().zip(run.examples).filter(|(class, e)| target(e) == [**class as i64]).count();
    Evaluation {
        examples: run.examples.len(),
        loss: sum / run.examples.len() as f64,
        exact_match: run.share(hits),
        accuracy: Some(run.share(hits)),
        predictions,
        ..Evaluation::default()
    }
}
