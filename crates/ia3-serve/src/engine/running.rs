//! A request that runs.

use std::time::Instant;

use burn::tensor::Tensor;
use ia3::data::Tokenizer;
use ia3::models::RowSampler;
use tokio::sync::mpsc::UnboundedSender;

use super::Waiting;
use super::free_slots::Held;
use super::logits::logprobs;
use super::request::{End, Event, Logprob, Penalties, Reason, Token};
use super::text::AnswerText;
use crate::adapters::Place;
use crate::error::ServeError;
use crate::snapshot::Snapshot;

/// Where the prompt of a request is.
#[derive(Debug)]
pub(super) enum Prompt {
    /// It begins the tokens of the sequence.
    Continued,
    /// The encoder has to read it.
    Unread(Vec<i64>),
    /// The encoder has read it.
    Encoded,
}

/// A token that was chosen.
#[derive(Debug)]
pub(super) struct Choice {
    id: i64,
    logprobs: Option<(Logprob, Vec<Logprob>)>,
}

/// A request that has a slot of the cache.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) slot: usize,
    /// The place of its adapter.
    pub(super) place: Option<Place>,
    pub(super) prompt: Prompt,
    /// The number of its tokens that are in the cache.
    pub(super) read: usize,
    /// The number of tokens of the prompt that were in the cache before.
    reused: usize,
    sampler: RowSampler,
    penalties: Penalties,
    top_logprobs: Option<usize>,
    text: AnswerText,
    pub(super) prompt_tokens: usize,
    events: UnboundedSender<Event>,
    /// When the last token was chosen, or before the first one when the request came.
    last: Instant,
}

impl Running {
    /// A request whose prompt is in the cache up to `read` tokens. `start` are the tokens that the decoder of an encoder-decoder begins
    /// with.
    pub(super) fn new(
        waiting: Waiting,
        (slot, place): (usize, Option<Place>),
        read: usize,
        start: Option<Vec<i64>>,
    ) -> Result<Self, ServeError> {
        let Waiting { request, events, since, .. } = waiting;
        let prompt_tokens = request.prompt.len();
        let (first, prompt) = match start {
            None => (request.prompt, Prompt::Continued),
            Some(start) => (start, Prompt::Unread(request.prompt)),
        };
        Ok(Self {
            slot,
            place,
            prompt,
            read,
            reused: read,
            prompt_tokens,
            sampler: RowSampler::new(first, request.generation)?,
            penalties: request.penalties,
            top_logprobs: request.top_logprobs,
            text: AnswerText::new(request.stop),
            events,
            last: since,
        })
    }

    /// The tokens that are not in the cache: a part of the prompt, or the last token. There are none before an encoder has read the
    /// prompt.
    pub(super) fn unread(&self) -> &[i64] {
        match self.prompt {
            Prompt::Unread(_) => &[],
            _ => &self.sampler.tokens()[self.read..],
        }
    }

    /// What its slot holds for requests that begin in the same way. The tokens of an encoder-decoder depend on its input, so no other
    /// request uses them.
    pub(super) fn held(&self) -> Held<'_> {
        let tokens = match self.prompt {
            Prompt::Continued => &self.sampler.tokens()[..self.read],
            _ => &[],
        };
        Held { slot: self.slot, tokens, adapter: self.place.map(|place| place.id) }
    }

    /// The number of tokens whose keys and values its slot holds.
    pub(super) fn cached_tokens(&self) -> usize {
        match self.prompt {
            Prompt::Encoded => self.prompt_tokens + self.read,
            _ => self.read,
        }
    }

    /// Whether its prompt is read.
    pub(super) fn is_answering(&self) -> bool {
        match self.prompt {
            Prompt::Continued => self.read >= self.prompt_tokens,
            Prompt::Unread(_) => false,
            Prompt::Encoded => true,
        }
    }

    /// Whether nobody waits for the answer any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.events.is_closed()
    }

    fn count(&mut self, snapshot: &mut Snapshot) {
        let now = Instant::now();
        let seconds = (now - self.last).as_secs_f64();
        match self.sampler.new_tokens().len() {
            1 => snapshot.first_token.add(seconds),
            _ => snapshot.next_token.add(seconds),
        }
        (self.last, snapshot.completion_tokens) = (now, snapshot.completion_tokens + 1);
    }

    pub(super) fn send(&self, event: Event) {
        // A receiver that is gone is noticed before the next step.
        let _ = self.events.send(event);
    }

    /// Chooses the next token from its logits `[1, vocab]`.
    pub(super) fn choose(&mut self, logits: Tensor<2>) -> Result<Choice, ServeError> {
        let penalised = self.penalties.apply(logits.clone(), self.sampler.new_tokens());
        let id = self.sampler.choose(penalised)?;
        if self.sampler.non_finite() > 0 {
            return Err(ServeError::NonFinite { count: self.sampler.non_finite() });
        }
        let logprobs = self.top_logprobs.map(|count| logprobs(&logits, id, count));
        Ok(Choice { id, logprobs })
    }

    /// Sends what belongs to a token that was chosen. It returns whether the answer is complete.
    pub(super) fn advance(
        &mut self,
        Choice { id, logprobs }: Choice,
        tokenizer: Option<&Tokenizer>,
        snapshot: &mut Snapshot,
    ) -> Result<bool, ServeError> {
        // The text of an end token is no part of the answer.
        let text = match tokenizer {
            Some(tokenizer) if !self.sampler.has_ended() => self.text.push(id, tokenizer)?,
            _ => String::new(),
        };
        self.count(snapshot);
        self.send(Event::Token(Token { id, text, logprobs }));
        let stopped = self.sampler.has_ended() || self.text.stopped;
        if !stopped && !self.sampler.is_done() {
            return Ok(false);
        }
        let rest = tokenizer.filter(|_| !self.text.stopped).map(|t| self.text.finish(t)).transpose()?;
        let stopped = stopped || self.text.stopped;
        match stopped {
            true => snapshot.stopped += 1,
            false => snapshot.too_long += 1,
        }
        self.send(Event::End(End {
            reason: if stopped { Reason::Stop } else { Reason::Length },
            text: rest.unwrap_or_default(),
            prompt_tokens: self.prompt_tokens,
            reused_tokens: self.reused,
            completion_tokens: self.sampler.new_tokens().len(),
        }));
        Ok(true)
    }
}
