//! Answers as server-sent events.

use std::convert::Infallible;

use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::stream::{iter, once, select_all};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::app::App;
use super::error::ApiError;
use super::events::next;
use super::shape::Shape;
use crate::engine::{Event, Token};
use crate::error::ServeError;

/// Streams answers. If one fails before its first token, the response is the error.
pub(super) async fn respond(
    app: App,
    shape: Shape,
    receivers: Vec<UnboundedReceiver<Event>>,
    usage: bool,
) -> Result<Response, ApiError> {
    let mut all = vec![];
    for (index, mut receiver) in receivers.into_iter().enumerate() {
        let first = match next(&mut receiver).await {
            Event::Failed(error) => return Err(error.into()),
            first => first,
        };
        let rest = UnboundedReceiverStream::new(receiver).map(Some).chain(once(async { None }));
        all.push(iter([Some(first)]).chain(rest).map(move |event| (index, event)).boxed());
    }
    let openings: Vec<Value> = (0..all.len()).filter_map(|index| shape.opening(index)).collect();
    let held = all.iter().map(|_| Some(vec![])).collect();
    let mut answers = Answers { app, shape, usage, held, completion_tokens: 0 };
    let parts = select_all(all).flat_map(move |(index, event)| iter(answers.parts(index, event)));
    let sent = iter(openings).chain(parts).map(|value| value.to_string());
    let sent = sent.chain(iter(["[DONE]".to_string()]));
    let sent = sent.map(|data| Ok::<_, Infallible>(Sent::default().data(data)));
    Ok(Sse::new(sent).keep_alive(KeepAlive::default()).into_response())
}

/// The answers of a response.
struct Answers {
    app: App,
    shape: Shape,
    usage: bool,
    completion_tokens: usize,
    /// The tokens of each answer whose text is not certain yet; `None` for one that is complete.
    held: Vec<Option<Vec<Token>>>,
}

impl Answers {
    /// What is sent for an event of an answer. `None` is the end of its events.
    fn parts(&mut self, index: usize, event: Option<Event>) -> Vec<Value> {
        let Some(held) = &mut self.held[index] else { return vec![] };
        let part = match event {
            Some(Event::Token(token)) => {
                let text = token.text.clone();
                held.push(token);
                if text.is_empty() {
                    return vec![];
                }
                self.shape.piece(&self.app, index, &text, &std::mem::take(held), None)
            }
            Some(Event::End(end)) => {
                let tokens = self.held[index].take().unwrap_or_default();
                self.completion_tokens += end.completion_tokens;
                self.shape.piece(&self.app, index, &end.text, &tokens, Some(end.reason))
            }
            Some(Event::Failed(error)) => Err(error.into()),
            None => Err(ServeError::Ending.into()),
        };
        let part = part.unwrap_or_else(|error: ApiError| {
            self.held[index] = None;
            error.body()
        });
        let is_last = self.held.iter().all(Option::is_none);
        let closing = (is_last && self.usage).then(|| self.shape.closing(self.completion_tokens));
        std::iter::once(part).chain(closing).collect()
    }
}
