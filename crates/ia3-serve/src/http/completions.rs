//! `/v1/completions`.

use axum::extract::State;
use axum::response::Response;

use super::answer::{Prompted, respond};
use super::app::App;
use super::error::ApiError;
use super::fields::Fields;
use super::inputs::{self, Input};
use super::kind::Kind;
use super::params::Params;

/// The tokens of an answer at most where the request does not say how many.
const MAX_TOKENS: usize = 16;
/// The most log-probabilities for each token.
const MAX_LOGPROBS: usize = 20;
pub(super) async fn complete(State(app): State<App>, mut fields: Fields) -> Result<Response, ApiError> {
    let mut params = Params::take(&mut fields, &app)?;
    params.top_logprobs = fields.take("logprobs")?;
    if params.top_logprobs.is_some_and(|count| count > MAX_LOGPROBS) {
        return Err(ApiError::field("logprobs", format!("is more than {MAX_LOGPROBS}")));
    }
    if fields.take("best_of")?.is_some_and(|best: usize| best != params.n) {
        return Err(ApiError::field("best_of", "differs from `n`, and answers are not ranked here"));
    }
    if fields.take("echo")?.unwrap_or(false) {
        return Err(ApiError::field("echo", "is not supported by this server"));
    }
    let prompts = inputs::take(&mut fields, "prompt")?;
    fields.finish()?;
    let of_blocking = app.clone();
    let prompts = super::answer::blocking(move || {
        let ids = |input: Input| Ok(input.tokens(&of_blocking, "prompt", None)?.ids);
        prompts.into_iter().map(ids).collect::<Result<Vec<_>, ApiError>>()
    })
    .await?;
    respond(app, params, Prompted { kind: Kind::Text, prompts, most: MAX_TOKENS }).await
}
