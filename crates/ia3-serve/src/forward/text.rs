//! Answers of an encoder-decoder.

use ia3::data::Tokenizer;
use tokio::sync::mpsc::UnboundedSender;

use crate::engine::{AnswerText, End, Event, Penalties, Reason, Request, Token};
use crate::error::ServeError;

/// A request for a text, and who waits for it.
#[derive(Debug)]
pub(crate) struct TextJob {
    pub(super) request: Box<Request>,
    pub(super) events: UnboundedSender<Event>,
}

impl TextJob {
    /// Whether both can be answered together.
    pub(super) fn fits(&self, other: &Self) -> bool {
        let (a, b) = (&self.request, &other.request);
        // Rows that draw tokens would draw from another stream than alone.
        a.generation.sampling.is_none() && a.generation == b.generation && a.prompt.len() == b.prompt.len()
    }

    /// Sends the answer, token by token and then its end.
    pub(super) fn answer(&self, ids: &[i64], tokenizer: Option<&Tokenizer>) -> Result<(), ServeError> {
        let ends = &self.request.generation.eos_token_id;
        let (ids, mut stopped) = match ids.iter().position(|id| ends.contains(id)) {
            Some(end) => (&ids[..=end], true),
            None => (ids, false),
        };
        let mut text = AnswerText::new(self.request.stop.clone());
        let mut chosen = 0;
        for &id in ids {
            chosen += 1;
            let new = match tokenizer {
                Some(tokenizer) if !ends.contains(&id) => text.push(id, tokenizer)?,
                _ => String::new(),
            };
            self.send(Event::Token(Token { id, text: new, logprobs: None }));
            if text.stopped {
                break;
            }
        }
        let rest = tokenizer.filter(|_| !text.stopped).map(|tokenizer| text.finish(tokenizer)).transpose()?;
        stopped |= text.stopped;
        self.send(Event::End(End {
            reason: if stopped { Reason::Stop } else { Reason::Length },
            text: rest.unwrap_or_default(),
            prompt_tokens: self.request.prompt.len(),
            reused_tokens: 0,
            completion_tokens: chosen,
        }));
        Ok(())
    }

    /// Sends an event to who waits, if anybody still does.
    pub(super) fn send(&self, event: Event) {
        let _ = self.events.send(event);
    }
}

/// Checks that a request asks for nothing that needs the logits of each step.
pub(super) fn check(request: &Request) -> Result<(), ServeError> {
    let field = if request.top_logprobs.is_some() {
        "logprobs"
    } else if request.penalties != Penalties::default() {
        "presence_penalty, frequency_penalty or logit_bias"
    } else {
        return Ok(());
    };
    Err(ServeError::Request { field, problem: "is not supported for an encoder-decoder".into() })
}
