//! A forward engine on a thread of its own.

use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::job::Answer;
use super::{ForwardEngine, ForwardRequest};
use crate::adapters::Residents;
use crate::error::ServeError;
use crate::handle::{EngineHandle, Serve};
use crate::options::EngineOptions;
use crate::snapshot::Snapshot;
use crate::worker::{Progress, Ticket};

/// What other threads have of a [`ForwardEngine`] that runs on its own thread.
pub type ForwardHandle = EngineHandle<ForwardJob>;

/// A request that one pass answers, and who waits for it.
#[derive(Debug)]
pub struct ForwardJob {
    request: ForwardRequest,
    answer: Answer,
}

impl EngineHandle<ForwardJob> {
    /// Answers a request: an embedding `[d]`, the logits of the classes, or one log-likelihood. Dropping the future ends the request
    /// before its turn.
    ///
    /// # Errors
    ///
    /// [`ServeError::Full`], [`ServeError::Ending`], and what is wrong with the request or its adapter.
    pub async fn run(&self, request: ForwardRequest) -> Result<Vec<f32>, ServeError> {
        let (answer, receiver) = oneshot::channel();
        self.send(ForwardJob { request, answer })?;
        receiver.await.map_err(|_| ServeError::Ending)?
    }
}

impl ForwardEngine {
    /// Starts a thread that runs the engine until [`ForwardHandle::end`] is called or all handles are gone.
    ///
    /// # Errors
    ///
    /// [`ServeError::Failed`]: the operating system starts no thread.
    pub fn start(self) -> Result<(ForwardHandle, JoinHandle<()>), ServeError> {
        ForwardHandle::of(self)
    }
}

impl Serve for ForwardEngine {
    type Job = ForwardJob;
    const THREAD: &'static str = "ia3-forward";

    fn base(&self) -> &ia3::Model {
        &self.base
    }

    fn options(&self) -> EngineOptions {
        self.options
    }

    fn residents(&mut self) -> &mut Residents {
        &mut self.residents
    }

    fn receive(&mut self, ForwardJob { request, answer }: ForwardJob, ticket: Ticket) {
        self.wait(request, answer, Some(ticket));
    }

    fn advance(&mut self) -> Progress {
        ForwardEngine::advance(self)
    }

    fn snapshot(&self) -> Snapshot {
        ForwardEngine::snapshot(self)
    }
}
