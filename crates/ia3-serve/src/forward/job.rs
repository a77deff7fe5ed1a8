//! What waits to be answered, and who waits for it.

use std::time::Instant;

use tokio::sync::oneshot;

use super::request::ForwardRequest;
use super::text::TextJob;
use crate::engine::Event;
use crate::error::ServeError;
use crate::worker::Ticket;

/// A job that waits for its batch.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) job: Job,
    since: Instant,
    _ticket: Option<Ticket>,
}

impl Waiting {
    pub(super) fn new(job: Job, ticket: Option<Ticket>) -> Self {
        Self { job, since: Instant::now(), _ticket: ticket }
    }

    /// The seconds since the job came.
    pub(super) fn seconds(&self) -> f64 {
        self.since.elapsed().as_secs_f64()
    }
}

/// A request, and who waits for its answer.
#[derive(Debug)]
pub(crate) enum Job {
    Values(ForwardRequest, oneshot::Sender<Result<Vec<f32>, ServeError>>),
    Text(TextJob),
}

impl Job {
    pub(super) fn adapter(&self) -> Option<&str> {
        match self {
            Self::Values(request, _) => request.adapter.as_deref(),
            Self::Text(job) => job.request.adapter.as_deref(),
        }
    }

    pub(super) fn tokens(&self) -> usize {
        match self {
            Self::Values(request, _) => request.tokens(),
            Self::Text(job) => job.request.prompt.len(),
        }
    }

    pub(super) fn fits(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Values(a, _), Self::Values(b, _)) => a.fits(b),
            (Self::Text(a), Self::Text(b)) => a.fits(b),
            _ => false,
        }
    }

    /// Whether nobody waits for the answer any more.
    pub(super) fn is_abandoned(&self) -> bool {
        match self {
            Self::Values(_, answer) => answer.is_closed(),
            Self::Text(job) => job.events.is_closed(),
        }
    }

    pub(super) fn fail(self, error: ServeError) {
        match self {
            Self::Values(_, answer) => drop(answer.send(Err(error))),
            Self::Text(job) => job.send(Event::Failed(error)),
        }
    }
}
