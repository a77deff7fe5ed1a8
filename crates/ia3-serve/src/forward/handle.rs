//! A forward engine on a thread of its own.

use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::{ForwardEngine, ForwardRequest};
use crate::adapters::{Catalog, Wake};
use crate::engine::EngineOptions;
use crate::error::ServeError;
use crate::snapshot::Snapshot;
use crate::worker::{Progress, Ticket, Work, Worker};

/// What other threads have of a [`ForwardEngine`] that runs on its own thread.
#[derive(Clone, Debug)]
pub struct ForwardHandle {
    worker: Worker<Message>,
    base: ia3::Model,
    catalog: Catalog,
    options: EngineOptions,
}

#[derive(Debug)]
pub(crate) enum Message {
    Request(ForwardRequest, oneshot::Sender<Result<Vec<f32>, ServeError>>, Ticket),
    Load(String, oneshot::Sender<Result<(), ServeError>>),
    Forget(String),
}

impl ForwardHandle {
    /// Starts a thread that runs `engine` until [`end`](Self::end) is called or all handles are gone.
    ///
    /// # Errors
    ///
    /// [`ServeError::Failed`]: the operating system starts no thread.
    pub fn start(engine: ForwardEngine) -> Result<(Self, JoinHandle<()>), ServeError> {
        let (base, options) = (engine.base().clone(), engine.options);
        let catalog = engine.residents.catalog().clone();
        let (worker, thread) = Worker::start(engine, "ia3-forward")?;
        Ok((Self { worker, base, catalog, options }, thread))
    }

    /// Answers a request: an embedding `[d]`, the logits of the classes, or one log-likelihood. Dropping the future ends the request
    /// before its turn.
    ///
    /// # Errors
    ///
    /// [`ServeError::Full`], [`ServeError::Ending`], and what is wrong with the request or its adapter.
    pub async fn run(&self, request: ForwardRequest) -> Result<Vec<f32>, ServeError> {
        let ticket = self.worker.ticket(self.options.queue)?;
        let (sender, receiver) = oneshot::channel();
        self.worker.send(Message::Request(request, sender, ticket))?;
        receiver.await.map_err(|_| ServeError::Ending)?
    }

    /// Reads an adapter into memory before a request needs it, if a place is free.
    ///
    /// # Errors
    ///
    /// The errors of a request under this adapter, and [`ServeError::Ending`].
    pub async fn load(&self, name: &str) -> Result<(), ServeError> {
        let (sender, receiver) = oneshot::channel();
        self.worker.send(Message::Load(name.into(), sender))?;
        receiver.await.map_err(|_| ServeError::Ending)?
    }

    /// Frees the memory of an adapter unless a request still runs under it.
    ///
    /// # Errors
    ///
    /// [`ServeError::Ending`].
    pub fn forget(&self, name: &str) -> Result<(), ServeError> {
        self.worker.send(Message::Forget(name.into()))
    }

    /// Lets the engine finish what waits, take nothing more, and end its thread.
    pub fn end(&self) {
        self.worker.end();
    }

    /// Whether [`end`](Self::end) was called.
    pub fn is_ending(&self) -> bool {
        self.worker.is_ending()
    }

    /// What the engine had counted after its last batch.
    pub fn snapshot(&self) -> Snapshot {
        self.worker.snapshot()
    }

    /// The base.
    pub fn base(&self) -> &ia3::Model {
        &self.base
    }

    /// The bounds of the engine.
    pub fn options(&self) -> EngineOptions {
        self.options
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }
}

impl Work for ForwardEngine {
    type Job = Message;

    fn take(&mut self, message: Message) {
        match message {
            Message::Request(request, answer, ticket) => self.wait(request, answer, Some(ticket)),
            Message::Load(name, answer) => self.residents.preload(name, answer),
            Message::Forget(name) => self.residents.forget(&name),
        }
    }

    fn step(&mut self) -> Progress {
        self.advance()
    }

    fn set_wake(&mut self, wake: Wake) {
        self.residents.set_wake(wake);
    }

    fn snapshot(&self) -> Snapshot {
        ForwardEngine::snapshot(self)
    }
}
