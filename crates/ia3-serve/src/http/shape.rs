//! The JSON of answers.

use serde_json::{Value, json};

use super::app::{App, now};
use super::error::ApiError;
use super::kind::Kind;
use super::logprobs;
use crate::engine::{End, Reason, Token};

/// What all parts of a response share.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    kind: Kind,
    id: String,
    created: u64,
    model: String,
    prompt_tokens: usize,
}

/// A complete answer.
pub(super) struct Choice {
    pub(super) index: usize,
    pub(super) tokens: Vec<Token>,
    pub(super) end: End,
}

impl Shape {
    pub(super) fn new(kind: Kind, model: String, prompt_tokens: usize) -> Self {
        let prefix = match kind {
            Kind::Text => "cmpl",
            Kind::Chat => "chatcmpl",
        };
        let id = format!("{prefix}-{}", uuid::Uuid::new_v4().simple());
        Self { kind, id, created: now(), model, prompt_tokens }
    }

    pub(super) fn whole(&self, app: &App, choices: &[Choice]) -> Result<Value, ApiError> {
        let of = choices.iter().map(|choice| self.choice(app, choice)).collect::<Result<Vec<_>, _>>()?;
        let object = if self.kind == Kind::Chat { "chat.completion" } else { "text_completion" };
        let mut whole = self.envelope(object, of);
        whole["usage"] = self.usage(choices.iter().map(|choice| choice.end.completion_tokens).sum());
        Ok(whole)
    }

    fn choice(&self, app: &App, choice: &Choice) -> Result<Value, ApiError> {
        let Choice { index, tokens, end } = choice;
        let text: String =
            tokens.iter().map(|token| token.text.as_str()).chain([end.text.as_str()]).collect();
        let logprobs = logprobs::of(self.kind, app, tokens)?;
        let reason = reason(end.reason);
        Ok(match self.kind {
            Kind::Text => {
                json!({"index": index, "text": text, "logprobs": logprobs, "finish_reason": reason})
            }
            Kind::Chat => {
                let message = json!({"role": "assistant", "content": text, "refusal": null});
                json!({"index": index, "message": message, "logprobs": logprobs, "finish_reason": reason})
            }
        })
    }

    /// The part of a stream that opens the message of an answer.
    pub(super) fn opening(&self, index: usize) -> Option<Value> {
        let delta = json!({"role": "assistant", "content": ""});
        let choice = json!({"index": index, "delta": delta, "logprobs": null, "finish_reason": null});
        (self.kind == Kind::Chat).then(|| self.chunk(vec![choice]))
    }

    /// The part of a stream with a piece of text, with its tokens and, at the end, the reason.
    pub(super) fn piece(
        &self,
        app: &App,
        index: usize,
        text: &str,
        tokens: &[Token],
        end: Option<Reason>,
    ) -> Result<Value, ApiError> {
        let (logprobs, reason) = (logprobs::of(self.kind, app, tokens)?, end.map(reason));
        let choice = match self.kind {
            Kind::Text => {
                json!({"index": index, "text": text, "logprobs": logprobs, "finish_reason": reason})
            }
            Kind::Chat => {
                let delta = if text.is_empty() { json!({}) } else { json!({"content": text}) };
                json!({"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": reason})
            }
        };
        Ok(self.chunk(vec![choice]))
    }

    /// The part of a stream with the numbers of tokens.
    pub(super) fn closing(&self, completion_tokens: usize) -> Value {
        let mut chunk = self.chunk(vec![]);
        chunk["usage"] = self.usage(completion_tokens);
        chunk
    }

    fn chunk(&self, choices: Vec<Value>) -> Value {
        let object = if self.kind == Kind::Chat { "chat.completion.chunk" } else { "text_completion" };
        self.envelope(object, choices)
    }

    fn envelope(&self, object: &str, choices: Vec<Value>) -> Value {
        let Self { id, created, model, .. } = self;
        json!({"id": id, "object": object, "created": created, "model": model, "choices": choices})
    }

    fn usage(&self, completion_tokens: usize) -> Value {
        let (prompt, all) = (self.prompt_tokens, self.prompt_tokens + completion_tokens);
        json!({"prompt_tokens": prompt, "completion_tokens": completion_tokens, "total_tokens": all})
    }
}

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Stop => "stop",
        Reason::Length => "length",
    }
}
