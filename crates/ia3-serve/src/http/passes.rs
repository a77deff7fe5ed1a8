//! Requests whose answers are numbers of one pass of the model.

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use super::app::App;
use super::error::ApiError;
use crate::forward::ForwardRequest;

/// The most texts of one request that wait at the same time; the others follow as these are answered.
const AT_ONCE: usize = 64;

/// The answers to several requests, in their order.
pub(super) async fn all(app: &App, requests: Vec<ForwardRequest>) -> Result<Vec<Vec<f32>>, ApiError> {
    let forward = app.engines().forward();
    let most = AT_ONCE.min(app.engines().options().queue);
    let answers = stream::iter(requests).map(|request| forward.run(request)).buffered(most);
    Ok(answers.try_collect().await?)
}

/// The numbers of tokens where no token is generated.
pub(super) fn usage(tokens: usize) -> Value {
    json!({"prompt_tokens": tokens, "total_tokens": tokens, "completion_tokens": 0})
}
