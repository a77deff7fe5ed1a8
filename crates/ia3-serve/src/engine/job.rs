//! An engine on a thread of its own.

use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{Engine, Event, Request};
use crate::adapters::Residents;
use crate::error::ServeError;
use crate::handle::{EngineHandle, Serve};
use crate::options::EngineOptions;
use crate::snapshot::Snapshot;
use crate::worker::{Progress, Ticket};

/// What other threads have of an [`Engine`] that runs on its own thread.
pub type Handle = EngineHandle<TextJob>;

/// A request for a text, and who waits for it.
#[derive(Debug)]
pub struct TextJob {
    request: Box<Request>,
    events: UnboundedSender<Event>,
}

impl EngineHandle<TextJob> {
    /// Sends a request to the engine. What happens to it comes from the receiver; dropping it ends the request.
    ///
    /// # Errors
    ///
    /// [`ServeError::Full`] and [`ServeError::Ending`]. Other errors come from the receiver.
    pub fn submit(&self, request: Request) -> Result<UnboundedReceiver<Event>, ServeError> {
        let (events, receiver) = unbounded_channel();
        self.send(TextJob { request: Box::new(request), events })?;
        Ok(receiver)
    }
}

impl Engine {
    /// Starts a thread that runs the engine until [`Handle::end`] is called or all handles are gone.
    ///
    /// # Errors
    ///
    /// [`ServeError::Failed`]: the operating system starts no thread.
    pub fn start(self) -> Result<(Handle, JoinHandle<()>), ServeError> {
        Handle::of(self)
    }
}

impl Serve for Engine {
    type Job = TextJob;
    const THREAD: &'static str = "ia3-engine";

    fn base(&self) -> &ia3::Model {
        &self.base
    }

    fn options(&self) -> EngineOptions {
        self.options
    }

    fn residents(&mut self) -> &mut Residents {
        &mut self.residents
    }

    fn receive(&mut self, TextJob { request, events }: TextJob, ticket: Ticket) {
        match self.check(&request) {
            Ok(()) => self.wait(*request, events, Some(ticket)),
            Err(error) => drop(events.send(Event::Failed(error))), // Nobody waits for it if this fails.
        }
    }

    fn advance(&mut self) -> Progress {
        Engine::advance(self)
    }

    fn snapshot(&self) -> Snapshot {
        Engine::snapshot(self)
    }
}
