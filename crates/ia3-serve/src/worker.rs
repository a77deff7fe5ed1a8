//! Work on a thread of its own, which other threads send jobs to.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::adapters::Wake;
use crate::error::ServeError;
use crate::snapshot::Snapshot;

/// What a thread does with its jobs.
pub(crate) trait Work: Send + 'static {
    /// What other threads send.
    type Job: Send + 'static;

    /// Takes a job.
    fn take(&mut self, job: Self::Job);

    /// Does a part of the work.
    fn step(&mut self) -> Progress;

    /// Says what to call when something is there that the work waits for.
    fn set_wake(&mut self, wake: Wake);

    /// What was counted so far.
    fn snapshot(&self) -> Snapshot;
}

/// How a part of the work went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More may follow.
    Worked,
    /// Nothing can be done before another thread has read an adapter.
    Waits,
    /// There is nothing to do.
    Idle,
}

/// What other threads have of a thread that works. The thread ends when [`end`](Self::end) is called or all clones are gone.
#[derive(Debug)]
pub(crate) struct Worker<J> {
    messages: Arc<Messages<J>>,
    shared: Arc<Shared>,
}

/// Where messages are sent. The thread ends when nobody can send any more.
#[derive(Debug)]
struct Messages<J>(Sender<Message<J>>);

impl<J> Drop for Messages<J> {
    fn drop(&mut self) {
        let _ = self.0.send(Message::End); // It has ended already if nobody listens.
    }
}

impl<J> Clone for Worker<J> {
    fn clone(&self) -> Self {
        Self { messages: self.messages.clone(), shared: self.shared.clone() }
    }
}

#[derive(Debug, Default)]
struct Shared {
    waiting: AtomicUsize,
    ending: AtomicBool,
    snapshot: Mutex<Snapshot>,
}

enum Message<J> {
    Job(J),
    /// An adapter was read.
    Wake,
    End,
}

/// Counts a request among those that wait until it is dropped.
#[derive(Debug)]
pub(crate) struct Ticket(Arc<Shared>);

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<J: Send + 'static> Worker<J> {
    /// Starts a thread of this name.
    ///
    /// # Errors
    ///
    /// [`ServeError::Failed`]: the operating system starts no thread.
    pub(crate) fn start(
        mut work: impl Work<Job = J>,
        name: &str,
    ) -> Result<(Self, JoinHandle<()>), ServeError> {
        let (messages, received) = channel();
        let shared = Arc::new(Shared { snapshot: Mutex::new(work.snapshot()), ..Shared::default() });
        let wakes = messages.clone();
        work.set_wake(Box::new(move || {
            let _ = wakes.send(Message::Wake); // It has ended already if nobody listens.
        }));
        let worker = Self { messages: Arc::new(Messages(messages)), shared: shared.clone() };
        let thread = std::thread::Builder::new().name(name.into());
        let thread = thread
            .spawn(move || run(work, &received, &shared))
            .map_err(|error| ServeError::Failed { reason: error.to_string() })?;
        Ok((worker, thread))
    }

    /// A ticket for a request, unless `most` wait already.
    ///
    /// # Errors
    ///
    /// [`ServeError::Full`], and [`ServeError::Ending`] after [`end`](Self::end).
    pub(crate) fn ticket(&self, most: usize) -> Result<Ticket, ServeError> {
        if self.is_ending() {
            return Err(ServeError::Ending);
        }
        let before = self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        let ticket = Ticket(self.shared.clone());
        if before >= most { Err(ServeError::Full { waiting: before }) } else { Ok(ticket) }
    }

    /// Sends a job.
    ///
    /// # Errors
    ///
    /// [`ServeError::Ending`]: the thread has ended.
    pub(crate) fn send(&self, job: J) -> Result<(), ServeError> {
        self.messages.0.send(Message::Job(job)).map_err(|_| ServeError::Ending)
    }

    /// Lets the thread finish what it has, take nothing more, and end.
    pub(crate) fn end(&self) {
        self.shared.ending.store(true, Ordering::Relaxed);
        let _ = self.messages.0.send(Message::End); // It has ended already if nobody listens.
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.shared.ending.load(Ordering::Relaxed)
    }

    /// What was counted up to the last step.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let snapshot = self.shared.snapshot.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Snapshot { waiting: self.shared.waiting.load(Ordering::Relaxed), ..snapshot }
    }
}

fn run<W: Work>(mut work: W, messages: &Receiver<Message<W::Job>>, shared: &Shared) {
    let (mut progress, mut ending) = (Progress::Idle, false);
    while progress != Progress::Idle || !ending {
        ending |= receive(&mut work, messages, progress != Progress::Worked);
        progress = work.step();
        *shared.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = work.snapshot();
    }
}

/// Takes what has been sent. With `wait`, it waits for something. It returns whether the thread is to end.
fn receive<W: Work>(work: &mut W, messages: &Receiver<Message<W::Job>>, mut wait: bool) -> bool {
    loop {
        let message = match wait {
            true => messages.recv().map_err(|_| TryRecvError::Disconnected),
            false => messages.try_recv(),
        };
        match message {
            Ok(Message::Job(job)) => work.take(job),
            Ok(Message::Wake) => (),
            Ok(Message::End) | Err(TryRecvError::Disconnected) => return true,
            Err(TryRecvError::Empty) => return false,
        }
        wait = false;
    }
}
