//! `/v1/completions`.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::answer::{Prompted, respond};
use super::app::App;
use super::error::ApiError;
use super::fields::Fields;
use super::kind::Kind;
use super::params::Params;

/// The tokens of an answer at most where the request does not say how many.
const MAX_TOKENS: usize = 16;
/// The most log-probabilities for each token.
const MAX_LOGPROBS: usize = 20;
/// The most prompts of a request.
const MAX_PROMPTS: usize = 128;

#[derive(Deserialize)]
#[serde(untagged)]
enum Prompts {
    Text(String),
    Ids(Vec<i64>),
    Texts(Vec<String>),
    ManyIds(Vec<Vec<i64>>),
}

enum Prompt {
    Text(String),
    Ids(Vec<i64>),
}

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
    let prompts = prompts(fields.need("prompt")?)?;
    fields.finish()?;
    let of_blocking = app.clone();
    let prompts = super::answer::blocking(move || {
        prompts.into_iter().map(|prompt| tokens(prompt, &of_blocking)).collect::<Result<Vec<_>, _>>()
    })
    .await?;
    respond(app, params, Prompted { kind: Kind::Text, prompts, most: MAX_TOKENS }).await
}

fn prompts(prompts: Prompts) -> Result<Vec<Prompt>, ApiError> {
    let prompts: Vec<Prompt> = match prompts {
        Prompts::Text(text) => vec![Prompt::Text(text)],
        Prompts::Ids(ids) => vec![Prompt::Ids(ids)],
        Prompts::Texts(texts) => texts.into_iter().map(Prompt::Text).collect(),
        Prompts::ManyIds(ids) => ids.into_iter().map(Prompt::Ids).collect(),
    };
    match (1..=MAX_PROMPTS).contains(&prompts.len()) {
        true => Ok(prompts),
        false => Err(ApiError::field("prompt", format!("has no text, or more than {MAX_PROMPTS}"))),
    }
}

fn tokens(prompt: Prompt, app: &App) -> Result<Vec<i64>, ApiError> {
    let ids = match prompt {
        Prompt::Ids(ids) => ids,
        Prompt::Text(text) => {
            let base = app.handle().base();
            let tokenizer = super::tokenizer::tokenizer(app)?;
            tokenizer
                .encode_prompt(&text, None, &base.kind())
                .map_err(|error| ApiError::field("prompt", format!("cannot be read: {error}")))?
        }
    };
    match ids.is_empty() {
        true => Err(ApiError::field("prompt", "has no tokens")),
        false => Ok(ids),
    }
}
