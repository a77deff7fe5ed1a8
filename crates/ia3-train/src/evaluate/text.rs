use ia3_data::Example;
use ia3_models::{GenerationConfig, Model, ModelInputs, Task};

use super::{Evaluation, Numbers, Run};
use crate::data::{prompts, target};
use crate::error::TrainError;
use crate::objective::loss;

/// The mean loss, over how many labels it is, and of each example how many ids were generated, and these.
pub(super) fn numbers(run: &Run, rows: &[&Example]) -> Result<Numbers, TrainError> {
    let mean = loss(&run.model, rows, run.config)?;
    let mut numbers = vec![mean.total.into_scalar::<f32>(), mean.labelled as f32];
    let longest = rows.iter().map(|e| target(e).len()).max().unwrap_or(0);
    for ids in generate(&run.model, &prompts(rows, &run.model, &run.device), longest)? {
        numbers.push(ids.len() as f32);
        numbers.extend(ids.into_iter().map(|id| id as f32));
    }
    Ok(numbers)
}

pub(super) fn sum(run: &Run, batches: &[Numbers]) -> Evaluation {
    let mut generated = vec![vec![]; run.examples.len()];
    let (mut sum, mut labelled) = (0.0, 0.0);
    for (batch, numbers) in run.batches.iter().zip(batches) {
        let (mean, count) = (f64::from(numbers[0]), f64::from(numbers[1]));
        sum += count * mean;
        labelled += count;
        let mut rest = &numbers[2..];
        for &i in batch {
            let (ids, behind) = rest[1..].split_at(rest[0] as usize);
            generated[i] = ids.iter().map(|&id| id as i64).collect();
            rest = behind;
        }
    }
    let config = run.model.generation_config(0);
    let hits = generated.iter().zip(run.examples).filter(|(ids, e)| **ids == content(&target(e), &config));
    let exact_match = run.share(hits.count());
    Evaluation {
        examples: run.examples.len(),
        loss: sum / labelled,
        exact_match,
        generated,
        ..Evaluation::default()
    }
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
