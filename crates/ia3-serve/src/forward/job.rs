//! What waits to be answered, and who waits for it.

use std::time::Instant;

use tokio::sync::oneshot;

use super::request::ForwardRequest;
use crate::adapters::Claim;
use crate::error::ServeError;
use crate::worker::Ticket;

/// Who waits for an answer.
pub(super) type Answer = oneshot::Sender<Result<Vec<f32>, ServeError>>;

/// A request that waits for its batch.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) request: ForwardRequest,
    /// What it needs of the adapters.
    pub(super) claim: Option<Claim>,
    answer: Answer,
    since: Instant,
    _ticket: Option<Ticket>,
}

impl Waiting {
    pub(super) fn new(request: ForwardRequest, answer: Answer, ticket: Option<Ticket>) -> Self {
        let claim = request.adapter.clone().map(Claim::new);
        Self { request, claim, answer, since: Instant::now(), _ticket: ticket }
    }

    /// The seconds since the request came.
    pub(super) fn seconds(&self) -> f64 {
        self.since.elapsed().as_secs_f64()
    }

    /// Whether nobody waits for the answer any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    pub(super) fn answer(self, answer: Result<Vec<f32>, ServeError>) {
        let _ = self.answer.send(answer); // Nobody waits for it if this fails.
    }
}
