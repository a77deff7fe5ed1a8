//! Language models with one target text: the greedy generation is the answer.

use ia3_data::Example;
use ia3_models::{GenerationConfig, Model, ModelInputs, Task};

use super::evaluation::Evaluation;
use super::run::Run;
use crate::collate::prompts;
use crate::error::TrainError;
use crate::objective::loss;
use crate::ranks::{Message, Reader};

/// The result of one batch.
pub(super) struct Batch {
    /// Mean loss of the batch.
    loss: f32,
    /// Number of labels over which the loss is a mean.
    labelled: usize,
    /// The generated ids of each example.
    generated: Vec<Vec<i64>>,
}

pub(super) fn evaluate(run: &Run, rows: &[&Example]) -> Result<Batch, TrainError> {
    let mean = loss(&run.model, rows, run.loss)?;
    let longest = rows.iter().map(|e| e.last_turn().1.len()).max().unwrap_or(0);
    // The prompts of a model of speech are not padded.
    let is_padded = run.model.sound().is_none();
    let mut generated = vec![];
    for rows in rows.chunk_by(|a, b| is_padded || a.input.len() == b.input.len()) {
        generated.extend(generate(&run.model, &prompts(rows, &run.model, &run.device), longest)?);
    }
    Ok(Batch { loss: mean.total.into_scalar::<f32>(), labelled: mean.labelled, generated })
}

pub(super) fn summarise(run: &Run, batches: &[Batch]) -> Evaluation {
    let mut generated = vec![vec![]; run.examples.len()];
    let (mut sum, mut labelled) = (0.0, 0.0);
    for (rows, batch) in run.batches.iter().zip(batches) {
        let count = batch.labelled as f64;
        sum += count * f64::from(batch.loss);
        labelled += count;
        rows.iter().zip(&batch.generated).for_each(|(&i, ids)| generated[i].clone_from(ids));
    }
    let config = run.model.generation_config(0);
    let right = |(ids, example): &(&Vec<i64>, &Example)| **ids == before_end(example.last_turn().1, &config);
    let exact_match = run.share(generated.iter().zip(run.examples).filter(right).count());
    Evaluation {
        examples: run.examples.len(),
        loss: sum / labelled,
        exact_match,
        score: exact_match,
        generated,
        ..Evaluation::default()
    }
}

fn generate(model: &Model, inputs: &ModelInputs, longest: usize) -> Result<Vec<Vec<i64>>, TrainError> {
    // One token more than the longest target, to detect a generation that does not end in time.
    let config = model.generation_config(longest + 1);
    let ids = model.generate(inputs, &config)?.ids;
    let width = ids.dims()[1];
    let ids: Vec<i64> = ids.into_data().iter().collect();
    let prompt = match (model.task(), &inputs.input_ids, &inputs.decoder_input_ids) {
        (Task::CausalLm, Some(prompts), _) | (Task::SpeechSeq2Seq, _, Some(prompts)) => prompts.dims()[1],
        _ => 1, // the start token of the decoder
    };
    Ok(ids.chunks(width).map(|row| before_end(&row[prompt..], &config)).collect())
}

/// The ids before the first end token.
fn before_end(ids: &[i64], config: &GenerationConfig) -> Vec<i64> {
    ids.iter().copied().take_while(|id| !config.eos_token_id.contains(id)).collect()
}

impl Message for Batch {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.loss.write(bytes);
        self.labelled.write(bytes);
        self.generated.write(bytes);
    }

    fn read(reader: &mut Reader) -> Option<Self> {
        let (loss, labelled) = (f32::read(reader)?, usize::read(reader)?);
        Some(Self { loss, labelled, generated: Vec::read(reader)? })
    }
}
