use ia3_models::cross_entropy;

use super::{Evaluation, Run};
use crate::data::{collate, target};
use crate::error::TrainError;

pub(super) fn evaluate(run: &Run) -> Result<Evaluation, TrainError> {
    let mut predictions = vec![0; run.examples.len()];
    let mut sum = 0.0;
    for batch in &run.batches {
        let rows = run.rows(batch);
        let inputs = collate(&rows, &run.model, &run.device);
        let logits = run.model.forward(&inputs.inputs)?;
        let classes: Vec<i64> = logits.clone().argmax(2).into_data().iter().collect();
        sum += rows.len() as f64 * f64::from(cross_entropy(logits, inputs.labels).into_scalar::<f32>());
        for (&i, class) in batch.iter().zip(classes) {
            predictions[i] = class as usize;
        }
    }
    let hits =
        predictions.iter().zip(run.examples).filter(|(class, e)| target(e) == [**class as i64]).count();
    Ok(Evaluation {
        examples: run.examples.len(),
        loss: sum / run.examples.len() as f64,
        exact_match: run.share(hits),
        accuracy: Some(run.share(hits)),
        predictions,
        ..Evaluation::default()
    })
}
