//! An engine on a thread of its own.

use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use super::{Engine, EngineOptions, Event, Request};
use crate::adapters::{Catalog, Wake};
use crate::error::ServeError;
use crate::snapshot::Snapshot;
use crate::worker::{Progress, Ticket, Work, Worker};

/// What other threads have of an engine that runs on its own thread.
#[derive(Clone, Debug)]
pub struct Handle {
    worker: Worker<Job>,
    base: ia3::Model,
    catalog: Catalog,
    options: EngineOptions,
}

#[derive(Debug)]
pub(crate) enum Job {
    Submit(Box<Request>, UnboundedSender<Event>, Ticket),
    /// Reads an adapter before a request needs it.
    Load(String, oneshot::Sender<Result<(), ServeError>>),
    /// Frees the memory of an adapter that was unloaded.
    Forget(String),
}

impl Handle {
    /// Starts a thread that runs `engine` until [`end`](Self::end) is called or all handles are gone.
    ///
    /// # Errors
    ///
    /// [`ServeError::Failed`]: the operating system starts no thread.
    pub fn start(engine: Engine) -> Result<(Self, JoinHandle<()>), ServeError> {
        let (base, options) = (engine.base().clone(), engine.options());
        let catalog = engine.residents.catalog().clone();
        let (worker, thread) = Worker::start(engine, "ia3-engine")?;
        Ok((Self { worker, base, catalog, options }, thread))
    }

    /// Sends a request to the engine. What happens to it comes from the receiver; dropping it ends the request.
    ///
    /// # Errors
    ///
    /// [`ServeError::Full`] and [`ServeError::Ending`]. Other errors come from the receiver.
    pub fn submit(&self, request: Request) -> Result<UnboundedReceiver<Event>, ServeError> {
        let ticket = self.worker.ticket(self.options.queue)?;
        let (events, receiver) = unbounded_channel();
        self.worker.send(Job::Submit(Box::new(request), events, ticket))?;
        Ok(receiver)
    }

    /// Reads an adapter into memory before a request needs it, if a place is free.
    ///
    /// # Errors
    ///
    /// The errors of a request under this adapter, and [`ServeError::Ending`].
    pub async fn load(&self, name: &str) -> Result<(), ServeError> {
        let (sender, receiver) = oneshot::channel();
        self.worker.send(Job::Load(name.into(), sender))?;
        receiver.await.map_err(|_| ServeError::Ending)?
    }

    /// Frees the memory of an adapter unless a request still runs under it.
    ///
    /// # Errors
    ///
    /// [`ServeError::Ending`].
    pub fn forget(&self, name: &str) -> Result<(), ServeError> {
        self.worker.send(Job::Forget(name.into()))
    }

    /// Lets the engine finish what runs and waits, take nothing more, and end its thread.
    pub fn end(&self) {
        self.worker.end();
    }

    /// Whether [`end`](Self::end) was called.
    pub fn is_ending(&self) -> bool {
        self.worker.is_ending()
    }

    /// What the engine had counted after its last step.
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

    /// The names of the adapters in the folder, in order.
    pub fn adapters(&self) -> Vec<String> {
        self.catalog.names()
    }
}

impl Work for Engine {
    type Job = Job;

    fn take(&mut self, job: Job) {
        match job {
            Job::Submit(request, events, ticket) => match self.check(&request) {
                Ok(()) => self.wait(*request, events, Some(ticket)),
                Err(error) => {
                    let _ = events.send(Event::Failed(error)); // Nobody waits for it if this fails.
                }
            },
            Job::Load(name, answer) => self.residents.preload(name, answer),
            Job::Forget(name) => self.residents.forget(&name),
        }
    }

    fn step(&mut self) -> Progress {
        self.advance()
    }

    fn set_wake(&mut self, wake: Wake) {
        self.residents.set_wake(wake);
    }

    fn snapshot(&self) -> Snapshot {
        Engine::snapshot(self)
    }
}
