//! From prompts to a response, whole or as a stream.

use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc::UnboundedReceiver;

use super::app::App;
use super::error::ApiError;
use super::events::next;
use super::json::Json;
use super::kind::Kind;
use super::params::Params;
use super::shape::{Choice, Shape};
use super::stream;
use crate::engine::{End, Event, Token};
use crate::error::ServeError;

/// The prompts of a request.
pub(super) struct Prompted {
    pub(super) kind: Kind,
    pub(super) prompts: Vec<Vec<i64>>,
    /// The tokens of an answer at most where the request does not say how many.
    pub(super) most: usize,
}

/// Runs code that takes more than a moment, on a thread for such code.
pub(super) async fn blocking<T: Send + 'static>(
    code: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let failed = |_| ApiError::from(ServeError::Failed { reason: "the code of a request panicked".into() });
    tokio::task::spawn_blocking(code).await.map_err(failed)?
}

/// Answers a request: `n` answers to each prompt.
pub(super) async fn respond(app: App, params: Params, prompted: Prompted) -> Result<Response, ApiError> {
    let prompt_tokens: usize = prompted.prompts.iter().map(Vec::len).sum();
    let mut requests = vec![];
    for prompt in prompted.prompts {
        for choice in 0..params.n {
            requests.push(params.request(prompt.clone(), choice, prompted.most, &app)?);
        }
    }
    let submitted = requests.into_iter().map(|request| app.engines().submit(request));
    let receivers = submitted.collect::<Result<Vec<_>, _>>()?;
    let shape = Shape::new(prompted.kind, params.model.clone(), prompt_tokens);
    match params.stream {
        true => stream::respond(app, shape, receivers, params.usage).await,
        false => whole(&app, &shape, receivers).await,
    }
}

async fn whole(
    app: &App,
    shape: &Shape,
    receivers: Vec<UnboundedReceiver<Event>>,
) -> Result<Response, ApiError> {
    let mut choices = vec![];
    for (index, mut receiver) in receivers.into_iter().enumerate() {
        let (tokens, end) = collect(&mut receiver).await?;
        choices.push(Choice { index, tokens, end });
    }
    Ok(Json(shape.whole(app, &choices)?).into_response())
}

async fn collect(receiver: &mut UnboundedReceiver<Event>) -> Result<(Vec<Token>, End), ApiError> {
    let mut tokens = vec![];
    loop {
        match next(receiver).await {
            Event::Token(token) => tokens.push(token),
            Event::End(end) => return Ok((tokens, end)),
            Event::Failed(error) => return Err(error.into()),
        }
    }
}
