//! Classifiers of tokens, and masked language models, whose classes are tokens: the most likely class of each token is the answer.

use ia3_data::Example;
use ia3_models::{IGNORE_INDEX, Task};

use super::entities::entity_scores;
use super::evaluation::{Evaluation, Metric};
use super::run::Run;
use crate::collate::{collate, target_ids};
use crate::error::TrainError;
use crate::ranks::{Message, Reader};

/// The result of one batch.
pub(super) struct Batch {
    /// Mean loss of the batch.
    loss: f32,
    /// Number of labels over which the loss is a mean.
    labelled: usize,
    /// The predicted class of each token of each example, without padding; of those that have a label.
    classes: Vec<Vec<i64>>,
}

pub(super) fn evaluate(run: &Run, rows: &[&Example]) -> Result<Batch, TrainError> {
    let batch = collate(rows, &run.model, &run.device);
    let found = run.model.token_predictions(&batch.inputs, batch.labels)?;
    let [_, width] = found.classes.dims();
    let classes: Vec<i64> = found.classes.into_data().iter().collect();
    let of_row = |(row, example): (&[i64], &&Example)| row[..example.input.len()].to_vec();
    let classes = classes.chunks(width).zip(rows).map(of_row).collect();
    let loss = found.losses.mean().into_scalar::<f32>();
    Ok(Batch { loss, labelled: batch.labelled, classes })
}

pub(super) fn summarise(run: &Run, batches: &[Batch]) -> Evaluation {
    let mut token_classes = vec![vec![]; run.examples.len()];
    let (mut sum, mut labelled) = (0.0, 0.0);
    for (rows, batch) in run.batches.iter().zip(batches) {
        let count = batch.labelled as f64;
        sum += count * f64::from(batch.loss);
        labelled += count;
        for (&i, classes) in rows.iter().zip(&batch.classes) {
            let targets = target_ids(&run.examples[i]);
            let kept =
                |(class, target): (&i64, &i64)| if *target == IGNORE_INDEX { IGNORE_INDEX } else { *class };
            token_classes[i] = classes.iter().zip(&targets).map(kept).collect();
        }
    }
    let targets: Vec<Vec<i64>> = run.examples.iter().map(target_ids).collect();
    let names = |rows: &[Vec<i64>]| -> Vec<Vec<String>> {
        let name = |class: &&i64| **class != IGNORE_INDEX;
        rows.iter()
            .map(|row| row.iter().filter(name).map(|class| name_of(*class, run.label_names)).collect())
            .collect()
    };
    let is_masked = run.model.task() == Task::MaskedLm;
    let entities = (!is_masked).then(|| entity_scores(&names(&targets), &names(&token_classes)));
    let right = token_classes.iter().zip(&targets).filter(|(got, expected)| got == expected).count();
    let tokens =
        || token_classes.iter().flatten().zip(targets.iter().flatten()).filter(|(_, t)| **t != IGNORE_INDEX);
    let (hits, all) = (tokens().filter(|(got, expected)| got == expected).count(), tokens().count());
    let accuracy = hits as f64 / all.max(1) as f64;
    Evaluation {
        examples: run.examples.len(),
        loss: if labelled > 0.0 { sum / labelled } else { 0.0 },
        exact_match: run.share(right),
        accuracy: Some(accuracy),
        metric: if is_masked { Metric::Accuracy } else { Metric::F1 },
        score: entities.map_or(accuracy, |entities| entities.f1),
        entities,
        token_classes,
        ..Evaluation::default()
    }
}

/// The name of a class, or its number as transformers names it.
fn name_of(class: i64, names: &[String]) -> String {
    let name = usize::try_from(class).ok().and_then(|class| names.get(class));
    name.cloned().unwrap_or_else(|| format!("LABEL_{class}"))
}

impl Message for Batch {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.loss.write(bytes);
        self.labelled.write(bytes);
        self.classes.write(bytes);
    }

    fn read(reader: &mut Reader) -> Option<Self> {
        let (loss, labelled) = (f32::read(reader)?, usize::read(reader)?);
        Some(Self { loss, labelled, classes: Vec::read(reader)? })
    }
}
