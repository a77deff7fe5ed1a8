//! Classifiers: the most likely class is the answer.

use ia3_data::Example;
use ia3_models::cross_entropy;

use super::evaluation::{Evaluation, Metric};
use super::run::Run;
use crate::collate::{collate, target_ids};
use crate::error::TrainError;
use crate::ranks::{Message, Reader};

/// The result of one batch.
pub(super) struct Batch {
    /// Mean loss of the batch.
    loss: f32,
    /// The predicted class of each example.
    classes: Vec<usize>,
}

pub(super) fn evaluate(run: &Run, rows: &[&Example]) -> Result<Batch, TrainError> {
    let inputs = collate(rows, &run.model, &run.device);
    let logits = run.model.forward(&inputs.inputs)?;
    let classes = logits.clone().argmax(2).into_data();
    let loss = cross_entropy(logits, inputs.labels).into_scalar::<f32>();
    Ok(Batch { loss, classes: classes.iter::<i64>().map(|class| class as usize).collect() })
}

pub(super) fn summarise(run: &Run, batches: &[Batch]) -> Evaluation {
    let mut predictions = vec![0; run.examples.len()];
    let mut sum = 0.0;
    for (rows, batch) in run.batches.iter().zip(batches) {
        sum += rows.len() as f64 * f64::from(batch.loss);
        rows.iter().zip(&batch.classes).for_each(|(&i, &class)| predictions[i] = class);
    }
    let right =
        |(class, example): &(&usize, &Example)| target_ids(example) == [i64::try_from(**class).unwrap_or(-1)];
    let hits = predictions.iter().zip(run.examples).filter(right).count();
    Evaluation {
        examples: run.examples.len(),
        loss: sum / run.examples.len() as f64,
        exact_match: run.share(hits),
        accuracy: Some(run.share(hits)),
        metric: Metric::Accuracy,
        score: run.share(hits),
        predictions,
        ..Evaluation::default()
    }
}

impl Message for Batch {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.loss.write(bytes);
        self.classes.write(bytes);
    }

    fn read(reader: &mut Reader) -> Option<Self> {
        Some(Self { loss: f32::read(reader)?, classes: Vec::read(reader)? })
    }
}
