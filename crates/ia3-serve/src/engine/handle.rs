//! An engine on a thread of its own.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{Engine, EngineOptions, Event, Request, Snapshot};
use crate::adapters::Catalog;
use crate::error::ServeError;

/// What other threads have of an engine that runs on its own thread.
#[derive(Clone, Debug)]
pub struct Handle {
    commands: Sender<Command>,
    shared: Arc<Shared>,
    base: ia3::Model,
    catalog: Catalog,
    options: EngineOptions,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: AtomicUsize,
    ending: AtomicBool,
    snapshot: Mutex<Snapshot>,
}

enum Command {
    Submit(Box<Request>, UnboundedSender<Event>, Ticket),
    End,
}

/// Counts a request among those that wait until it is dropped.
#[derive(Debug)]
pub(super) struct Ticket(Arc<Shared>);

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Handle {
    /// Starts a thread that runs `engine` until [`end`](Self::end) is called or all handles are gone.
    ///
    /// # Errors
    ///
    /// [`ServeError::Failed`]: the operating system starts no thread.
    pub fn start(engine: Engine) -> Result<(Self, JoinHandle<()>), ServeError> {
        let (commands, received) = channel();
        let handle = Self {
            commands,
            shared: Arc::new(Shared { snapshot: Mutex::new(engine.snapshot()), ..Shared::default() }),
            base: engine.base().clone(),
            catalog: engine.residents.catalog().clone(),
            options: engine.options(),
        };
        let shared = handle.shared.clone();
        let thread = std::thread::Builder::new().name("ia3-engine".into());
        let thread = thread
            .spawn(move || run(engine, &received, &shared))
            .map_err(|error| ServeError::Failed { reason: error.to_string() })?;
        Ok((handle, thread))
    }

    /// Sends a request to the engine. What happens to it comes from the receiver; dropping it ends the request.
    ///
    /// # Errors
    ///
    /// [`ServeError::Full`] and [`ServeError::Ending`]. Other errors come from the receiver.
    pub fn submit(&self, request: Request) -> Result<UnboundedReceiver<Event>, ServeError> {
        if self.shared.ending.load(Ordering::Relaxed) {
            return Err(ServeError::Ending);
        }
        let before = self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        let ticket = Ticket(self.shared.clone());
        if before >= self.options.queue {
            return Err(ServeError::Full { waiting: before });
        }
        let (events, receiver) = unbounded_channel();
        let command = Command::Submit(Box::new(request), events, ticket);
        self.commands.send(command).map_err(|_| ServeError::Ending)?;
        Ok(receiver)
    }

    /// Lets the engine finish what runs and waits, take nothing more, and end its thread.
    pub fn end(&self) {
        self.shared.ending.store(true, Ordering::Relaxed);
        let _ = self.commands.send(Command::End); // It has ended already if nobody listens.
    }

    /// Whether [`end`](Self::end) was called.
    pub fn is_ending(&self) -> bool {
        self.shared.ending.load(Ordering::Relaxed)
    }

    /// What the engine had counted after its last step.
    pub fn snapshot(&self) -> Snapshot {
        let snapshot = *self.shared.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        Snapshot { waiting: self.shared.waiting.load(Ordering::Relaxed), ..snapshot }
    }

    /// The base.
    pub fn base(&self) -> &ia3::Model {
        &self.base
    }

    /// The names of the adapters in the folder, in order.
    pub fn adapters(&self) -> Vec<String> {
        self.catalog.names()
    }

    /// Whether there is an adapter of this name in the folder. It may still be broken.
    pub fn has_adapter(&self, name: &str) -> bool {
        self.catalog.find(name).is_some()
    }

    /// The bounds of the engine.
    pub fn options(&self) -> EngineOptions {
        self.options
    }
}

fn run(mut engine: Engine, commands: &Receiver<Command>, shared: &Shared) {
    let (mut busy, mut ending) = (false, false);
    while busy || !ending {
        ending |= receive(&mut engine, commands, busy || ending);
        busy = engine.step();
        *shared.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = engine.snapshot();
    }
}

/// Takes what has been sent, and waits for something where the engine is not `busy`. It returns whether the engine is to end.
fn receive(engine: &mut Engine, commands: &Receiver<Command>, mut busy: bool) -> bool {
    loop {
        let command = match busy {
            true => commands.try_recv(),
            false => commands.recv().map_err(|_| TryRecvError::Disconnected),
        };
        match command {
            Ok(Command::Submit(request, events, ticket)) => match engine.check(&request) {
                Ok(()) => engine.wait(*request, events, Some(ticket)),
                Err(error) => {
                    let _ = events.send(Event::Failed(error)); // Nobody waits for it if this fails.
                }
            },
            Ok(Command::End) | Err(TryRecvError::Disconnected) => return true,
            Err(TryRecvError::Empty) => return false,
        }
        busy = true;
    }
}
