//! One pass over texts of the same length.

use burn::tensor::{Device, Tensor};
use ia3::models::{Model, ModelError, ModelInputs, PaddingSide, normalized};

use super::request::{ForwardRequest, Wanted};

/// Computes what is wanted, one after the other in the order of the requests, which fit each other.
pub(super) fn compute(
    model: &Model,
    requests: &[&ForwardRequest],
    device: &Device,
) -> Result<Vec<Vec<f32>>, ModelError> {
    let rows = values(model, requests, device)?;
    let [_, width] = rows.dims();
    let values: Vec<f32> = rows.into_data().iter().collect();
    Ok(values.chunks(width).map(<[f32]>::to_vec).collect())
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
