//! An engine on a thread of its own.

use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::adapters::{Catalog, Residents, Wake};
use crate::error::ServeError;
use crate::options::EngineOptions;
use crate::snapshot::Snapshot;
use crate::worker::{Progress, Ticket, Work, Worker};

/// What other threads have of an engine that runs on its own thread: [`Handle`](crate::Handle) of an [`Engine`](crate::Engine),
/// [`ForwardHandle`](crate::ForwardHandle) of a [`ForwardEngine`](crate::ForwardEngine). The thread ends when [`end`](Self::end) is called
/// or all handles are gone, and everything is answered.
#[derive(Debug)]
pub struct EngineHandle<J> {
    worker: Worker<Message<J>>,
    base: ia3::Model,
    catalog: Catalog,
    options: EngineOptions,
}

impl<J> Clone for EngineHandle<J> {
    fn clone(&self) -> Self {
        let Self { worker, base, catalog, options } = self;
        Self { worker: worker.clone(), base: base.clone(), catalog: catalog.clone(), options: *options }
    }
}

#[derive(Debug)]
pub(crate) enum Message<J> {
    Job(J, Ticket),
    /// Reads an adapter before a request needs it.
    Load(String, oneshot::Sender<Result<(), ServeError>>),
    /// Frees the memory of an adapter that was unloaded.
    Forget(String),
}

/// An engine that a thread can run.
pub(crate) trait Serve: Send + 'static {
    /// A request, and who waits for its answer.
    type Job: Send + 'static;

    /// The name of the thread.
    const THREAD: &'static str;

    fn base(&self) -> &ia3::Model;

    fn options(&self) -> EngineOptions;

    fn residents(&mut self) -> &mut Residents;

    fn receive(&mut self, job: Self::Job, ticket: Ticket);

    /// Does a part of the work, without waiting.
    fn advance(&mut self) -> Progress;

    fn snapshot(&self) -> Snapshot;
}

impl<J: Send + 'static> EngineHandle<J> {
    pub(crate) fn of<S: Serve<Job = J>>(mut engine: S) -> Result<(Self, JoinHandle<()>), ServeError> {
        let (base, options) = (engine.base().clone(), engine.options());
        let catalog = engine.residents().catalog().clone();
        let (worker, thread) = Worker::start(engine, S::THREAD)?;
        Ok((Self { worker, base, catalog, options }, thread))
    }

    /// Sends a job, if fewer wait than may.
    pub(crate) fn send(&self, job: J) -> Result<(), ServeError> {
        let ticket = self.worker.ticket(self.options.queue)?;
        self.worker.send(Message::Job(job, ticket))
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

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }
}

impl<S: Serve> Work for S {
    type Job = Message<S::Job>;

    fn take(&mut self, message: Self::Job) {
        match message {
            Message::Job(job, ticket) => self.receive(job, ticket),
            Message::Load(name, answer) => self.residents().preload(name, answer),
            Message::Forget(name) => self.residents().forget(&name),
        }
    }

    fn step(&mut self) -> Progress {
        self.advance()
    }

    fn set_wake(&mut self, wake: Wake) {
        self.residents().set_wake(wake);
    }

    fn snapshot(&self) -> Snapshot {
        Serve::snapshot(self)
    }
}
