use burn::module::Module;
use ia3_models::{GenerationConfig, Model, ModelInputs, Task};

use ia3_data::Example;

use crate::data::{Batch, check, collate, prompts, target};
use crate::error::TrainError;

/// How a model does on examples it is not trained on.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Mean loss a target token.
    pub loss: f64,
    /// Share of examples whose greedy generation is the target, token for token.
    pub exact_match: f64,
    /// The generated ids, in the order of the examples, without start, end and padding.
    pub generated: Vec<Vec<i64>>,
}

/// Loss and exact match of greedy generation; rows of similar length share a batch.
///
/// # Errors
///
/// Empty data, or an input that the model refuses.
pub fn evaluate(model: &Model, examples: &[Example], batch_size: usize) -> Result<Evaluation, TrainError> {
    check(examples)?;
    let model = model.valid();
    let device = model.devices().first().cloned().unwrap_or_default();
    let mut order: Vec<usize> = (0..examples.len()).collect();
    order.sort_by_key(|&i| (target(&examples[i]).len(), examples[i].input.len()));
    let mut generated = vec![vec![]; examples.len()];
    let (mut loss, mut targets) = (0.0, 0);
    for indices in order.chunks(batch_size.max(1)) {
        let rows: Vec<_> = indices.iter().map(|&i| &examples[i]).collect();
        let batch = collate(&rows, &model, &device);
        let tokens: usize = rows.iter().map(|e| target(e).len()).sum();
        loss += tokens as f64 * f64::from(mean_loss(&model, &batch)?);
        targets += tokens;
        let longest = rows.iter().map(|e| target(e).len()).max().unwrap_or(0);
        for (&i, ids) in indices.iter().zip(generate(&model, &prompts(&rows, &model, &device), longest)?) {
            generated[i] = ids;
        }
    }
    let hits = generated.iter().zip(examples).filter(|(ids, e)| is_target(ids, &target(e), &model)).count();
    let exact_match = hits as f64 / examples.len() as f64;
    Ok(Evaluation { loss: loss / targets as f64, exact_match, generated })
}

fn mean_loss(model: &Model, batch: &Batch) -> Result<f32, TrainError> {
    Ok(model.loss(&batch.inputs, batch.labels.clone())?.into_scalar::<f32>())
}

fn generate(model: &Model, inputs: &ModelInputs, longest: usize) -> Result<Vec<Vec<i64>>, TrainError> {
    // One token more than the longest target, so that going on too long is seen.
    let config = model.generation_config(longest + 1);
    let ids = model.generate(inputs, &config, &mut |_| ())?.ids;
    let width = ids.dims()[1];
    let ids: Vec<i64> = ids.into_data().iter().collect();
    let prompt = match (model.task(), &inputs.input_ids) {
        (Task::CausalLm, Some(prompts)) => prompts.dims()[1],
        _ => 1, // the decoder's start token
    };
    Ok(ids.chunks(width).map(|row| content(&row[prompt..], &config)).collect())
}

/// What stands before the end.
fn content(ids: &[i64], config: &GenerationConfig) -> Vec<i64> {
    ids.iter().copied().take_while(|id| !config.eos_token_id.contains(id)).collect()
}

fn is_target(generated: &[i64], target: &[i64], model: &Model) -> bool {
    generated == content(target, &model.generation_config(0))
}
