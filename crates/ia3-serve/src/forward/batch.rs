//! One pass over texts of the same length.

use burn::tensor::{Device, Tensor};
use ia3::models::{Model, ModelError, ModelInputs, PaddingSide, normalized};

use super::request::{ForwardRequest, Wanted};
use super::text::TextJob;

/// What a pass gives for a request.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Given {
    Values(Vec<f32>),
    Ids(Vec<i64>),
    /// So many numbers were NaN or infinite.
    NonFinite(usize),
}

/// What one pass answers: requests of one kind that fit each other.
pub(super) enum Batch<'a> {
    Values(Vec<&'a ForwardRequest>),
    Texts(Vec<&'a TextJob>),
}

/// Computes what is wanted, one after the other in the order of the requests.
pub(super) fn compute(model: &Model, batch: &Batch, device: &Device) -> Result<Vec<Given>, ModelError> {
    match batch {
        Batch::Values(requests) => {
            let rows = values(model, requests, device)?;
            let [_, width] = rows.dims();
            let values: Vec<f32> = rows.into_data().iter().collect();
            Ok(values.chunks(width).map(given).collect())
        }
        Batch::Texts(jobs) => texts(model, jobs, device),
    }
}

fn given(row: &[f32]) -> Given {
    match row.iter().filter(|value| !value.is_finite()).count() {
        0 => Given::Values(row.to_vec()),
        broken => Given::NonFinite(broken),
    }
}

/// The new ids of each answer.
fn texts(model: &Model, jobs: &[&TextJob], device: &Device) -> Result<Vec<Given>, ModelError> {
    let rows: Vec<Vec<i64>> = jobs.iter().map(|job| job.request.prompt.clone()).collect();
    let inputs = model.batch(&rows, PaddingSide::Right, device)?;
    let generated = model.generate(&inputs, &jobs[0].request.generation)?;
    if generated.non_finite > 0 {
        return Ok(vec![Given::NonFinite(generated.non_finite); jobs.len()]);
    }
    let [_, len] = generated.ids.dims();
    let ids: Vec<i64> = generated.ids.into_data().iter().collect();
    // The first id is the start token.
    Ok(ids.chunks(len).map(|row| Given::Ids(row[1..].to_vec())).collect())
}

/// A row for each request.
fn values(model: &Model, requests: &[&ForwardRequest], device: &Device) -> Result<Tensor<2>, ModelError> {
    match &requests[0].wanted {
        Wanted::Embedding { pooling, normalize } => {
            let states = model.last_hidden_state(&inputs(model, requests, device)?)?;
            let pooled = pooling.forward(states, None);
            Ok(if *normalize { normalized(pooled) } else { pooled })
        }
        Wanted::Logits => Ok(model.forward(&inputs(model, requests, device)?)?.squeeze_dim(1)),
        Wanted::LogLikelihood { .. } => {
            let text = |request: &&ForwardRequest| match &request.wanted {
                Wanted::LogLikelihood { text } => vec![text.clone()],
                _ => vec![],
            };
            let texts: Vec<Vec<Vec<i64>>> = requests.iter().map(text).collect();
            let pairs = requests.iter().zip(&texts).map(|(request, text)| (&*request.ids, &**text));
            let pairs: Vec<(&[i64], &[Vec<i64>])> = pairs.collect();
            Ok(model.log_likelihoods(&pairs)?.sums().unsqueeze_dim(1))
        }
    }
}

fn inputs(model: &Model, requests: &[&ForwardRequest], device: &Device) -> Result<ModelInputs, ModelError> {
    let rows = |of: fn(&ForwardRequest) -> &Vec<i64>| -> Vec<Vec<i64>> {
        requests.iter().map(|request| of(request).clone()).collect()
    };
    let mut inputs = model.batch(&rows(|request| &request.ids), PaddingSide::Right, device)?;
    if !requests[0].token_types.is_empty() {
        let types = rows(|request| &request.token_types);
        inputs.token_type_ids = model.token_type_batch(&types, PaddingSide::Right, device);
    }
    Ok(inputs)
}
