//! A thread that reads adapters, so that requests that run do not wait for a disk.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use ia3::Adapter;

use super::recipe::{Recipe, Refusal, refused};
use crate::error::ServeError;

/// How an adapter is read.
pub(super) type Read = Arc<dyn Fn(&Recipe) -> Result<Adapter, Refusal> + Send + Sync>;

/// What wakes the thread that waits for an adapter.
pub(crate) type Wake = Box<dyn Fn() + Send + Sync>;

/// The most refusals that are kept for requests that have not asked again.
const MAX_REFUSED: usize = 256;

/// The thread that reads adapters in the order in which they are asked for. It starts with the first one and ends with the loader.
pub(super) struct Loader {
    read: Read,
    wake: Arc<OnceLock<Wake>>,
    thread: Option<Running>,
    /// What is being read, or waits for it.
    reading: Vec<Recipe>,
    refused: VecDeque<(Recipe, Refusal)>,
}

struct Running {
    orders: Sender<Recipe>,
    answers: Receiver<(Recipe, Result<Adapter, Refusal>)>,
    thread: JoinHandle<()>,
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader").field("reading", &self.reading).finish_non_exhaustive()
    }
}

impl Loader {
    pub(super) fn new(read: Read) -> Self {
        Self { read, wake: Arc::default(), thread: None, reading: vec![], refused: VecDeque::new() }
    }

    /// Says what is called when an adapter is read.
    pub(super) fn set_wake(&self, wake: Wake) {
        let _ = self.wake.set(wake); // An engine moves to one thread, once.
    }

    /// The number of adapters that are not read yet.
    pub(super) fn count(&self) -> usize {
        self.reading.len()
    }

    pub(super) fn is_reading(&self, recipe: &Recipe) -> bool {
        self.reading.contains(recipe)
    }

    /// Takes the reason why an adapter was not read.
    pub(super) fn take_refusal(&mut self, recipe: &Recipe) -> Option<Refusal> {
        let index = self.refused.iter().position(|(refused, _)| refused == recipe)?;
        self.refused.remove(index).map(|(_, refusal)| refusal)
    }

    /// Lets the thread read an adapter.
    ///
    /// # Errors
    ///
    /// [`ServeError::Failed`]: the operating system starts no thread.
    pub(super) fn order(&mut self, recipe: &Recipe) -> Result<(), ServeError> {
        let running = match self.thread.take() {
            Some(running) => running,
            None => Running::start(self.read.clone(), self.wake.clone())?,
        };
        let sent = running.orders.send(recipe.clone());
        self.thread = Some(running);
        sent.map_err(|_| ServeError::Failed { reason: "the thread that reads adapters has ended".into() })?;
        self.reading.push(recipe.clone());
        Ok(())
    }

    /// The next adapter that was read, if there is one. With `wait`, it waits for one that is being read.
    pub(super) fn next(&mut self, wait: bool) -> Option<(Recipe, Adapter)> {
        while !self.reading.is_empty() {
            let answers = &self.thread.as_ref()?.answers;
            let (recipe, read) = if wait { answers.recv().ok() } else { answers.try_recv().ok() }?;
            self.reading.retain(|reading| *reading != recipe);
            match read {
                Ok(adapter) => return Some((recipe, adapter)),
                Err(refusal) => self.refuse(recipe, refusal),
            }
            if wait {
                return None;
            }
        }
        None
    }

    /// Keeps why an adapter was not read, for the request that asks for it.
    pub(super) fn refuse(&mut self, recipe: Recipe, refusal: Refusal) {
        self.refused.truncate(MAX_REFUSED - 1);
        self.refused.push_front((recipe, refusal));
    }
}

impl Running {
    fn start(read: Read, wake: Arc<OnceLock<Wake>>) -> Result<Self, ServeError> {
        let (orders, ordered) = channel::<Recipe>();
        let (answer, answers) = channel();
        let run = move || {
            for recipe in ordered {
                let read = catch_unwind(AssertUnwindSafe(|| read(&recipe))).unwrap_or_else(|_| {
                    let reason = "reading it panicked, which is a fault of this program";
                    Err(Refusal::Broken(refused(&recipe.name, reason.into())))
                });
                if answer.send((recipe, read)).is_err() {
                    return;
                }
                wake.get().into_iter().for_each(|wake| wake());
            }
        };
        let thread = std::thread::Builder::new().name("ia3-loader".into()).spawn(run);
        let thread = thread.map_err(|error| ServeError::Failed { reason: error.to_string() })?;
        Ok(Self { orders, answers, thread })
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        if let Some(Running { orders, answers, thread }) = self.thread.take() {
            // The thread ends when it has read what it is reading.
            drop((orders, answers));
            let _ = thread.join();
        }
    }
}
