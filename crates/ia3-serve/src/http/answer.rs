//! From prompts to a response, whole or as a stream.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use ia3::data::Tokenizer;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;

use super::app::App;
use super::error::ApiError;
use super::params::Params;
use super::shape::{Choice, Kind, Shape};
use super::stream;
use crate::engine::{End, Event, Token};
use crate::error::ServeError;

/// A value as a response. axum's own type needs a feature of serde_json that nothing else here needs.
pub(super) struct Json(pub(super) Value);

impl IntoResponse for Json {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "application/json")], self.0.to_string()).into_response()
    }
}

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

pub(super) fn tokenizer(app: &App) -> Result<&Tokenizer, ApiError> {
    let tokenizer = app.handle().base().tokenizer().map_err(ServeError::from)?;
    tokenizer
        .ok_or_else(|| ApiError::request("the base has no tokenizer, so a prompt has to be a list of ids"))
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
    let submitted = requests.into_iter().map(|request| app.handle().submit(request));
    let receivers = submitted.collect::<Result<Vec<_>, _>>()?;
    let shape = Shape::new(prompted.kind, params.model.clone(), prompt_tokens);
    match params.stream {
        true => stream::respond(app, shape, receivers, params.usage).await,
        false => whole(&app, &shape, receivers).await,
    }
}

/// The next event, or the error of an engine that has ended.
pub(super) async fn next(receiver: &mut UnboundedReceiver<Event>) -> Event {
    receiver.recv().await.unwrap_or(Event::Failed(ServeError::Ending))
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
