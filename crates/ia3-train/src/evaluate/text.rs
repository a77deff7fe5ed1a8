use ia3_models::{GenerationConfig, Model, ModelInputs, Task};

use super::{Evaluation, Run};
use crate::data::{prompts, target};
use crate::error::TrainError;
use crate::objective::loss;

pub(super) fn evaluate(run: &Run) -> Result<Evaluation, TrainError> {
    let mut generated = vec![vec![]; run.examples.len()];
    let (mut sum, mut labelled) = (0.0, 0);
    for batch in &run.batches {
        let rows = run.rows(batch);
        let mean = loss(&run.model, &rows, run.config)?;
        sum += mean.labelled as f64 * f64::from(mean.total.into_scalar::<f32>());
        labelled += mean.labelled;
        let longest = rows.iter().map(|e| target(e).len()).max().unwrap_or(0);
        let ids = generate(&run.model, &prompts(&rows, &run.model, &run.device), longest)?;
        for (&i, ids) in batch.iter().zip(ids) {
            generated[i] = ids;
        }
    }
    let config = run.model.generation_config(0);
    let hits = generated.iter().zip(run.examples).filter(|(ids, e)| **ids == content(&target(e), &config));
    let exact_match = run.share(hits.count());
    Ok(Evaluation {
        examples: run.examples.len(),
        loss: sum / labelled as f64,
        exact_match,
        generated,
        ..Evaluation::default()
    })
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
