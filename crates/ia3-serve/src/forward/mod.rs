//! Requests that one pass of the model answers: embeddings, classes and likelihoods.

mod batch;
mod job;
mod request;
mod thread;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ia3::core::AdapterTable;
use ia3::models::Model;
use ia3_ops::by_row;
use tokio::sync::oneshot;

pub use request::{ForwardRequest, Wanted};
pub use thread::{ForwardHandle, ForwardJob};

use crate::adapters::{Acquired, AdapterSources, Catalog, Place, Residents};
use crate::error::ServeError;
use crate::options::EngineOptions;
use crate::snapshot::Snapshot;
use crate::worker::{Progress, Ticket};
use batch::compute;
use job::{Answer, Waiting};

/// Answers requests that need no sequence to be continued token by token: embeddings, classes and likelihoods.
///
/// [`step`](Self::step) answers the request that has waited longest, together with all others of the same length and kind, each
/// under its own adapter. No row is padded, so on `flex` an answer has the same bits whatever else is in its batch. A batch begins
/// as soon as the one before has ended; nothing waits for others to come. [`ForwardHandle`] runs the engine on a thread of its own.
#[derive(Debug)]
pub struct ForwardEngine {
    base: ia3::Model,
    /// The base with the table of adapters.
    model: Model,
    residents: Residents,
    waiting: VecDeque<Waiting>,
    options: EngineOptions,
    snapshot: Snapshot,
}

impl ForwardEngine {
    /// An engine for `base` and its adapters, such as those in the subfolders of a folder. Of the options, `batch_tokens`,
    /// `queue` and `adapters` count.
    ///
    /// # Errors
    ///
    /// [`ServeError::Model`]: the base carries adapters. [`ServeError::Request`]: a bound is 0.
    pub fn new(
        base: ia3::Model,
        adapters: impl Into<AdapterSources>,
        options: EngineOptions,
    ) -> Result<Self, ServeError> {
        Self::with_catalog(base, Catalog::new(adapters), options)
    }

    /// An engine whose list of adapters is that of another one.
    pub(crate) fn with_catalog(
        base: ia3::Model,
        catalog: Catalog,
        options: EngineOptions,
    ) -> Result<Self, ServeError> {
        options.check()?;
        let (model, table) = AdapterTable::attach_as(base.module(), options.adapters, options.adapter_dtype)?;
        let residents = Residents::new(catalog, table, &base);
        Ok(Self { base, model, residents, waiting: VecDeque::new(), options, snapshot: Snapshot::default() })
    }

    /// The base.
    pub fn base(&self) -> &ia3::Model {
        &self.base
    }

    /// Takes a request. Its answer comes from the receiver; dropping that ends the request before its turn.
    pub fn submit(&mut self, request: ForwardRequest) -> oneshot::Receiver<Result<Vec<f32>, ServeError>> {
        let (sender, receiver) = oneshot::channel();
        self.wait(request, sender, None);
        receiver
    }

    fn wait(&mut self, request: ForwardRequest, answer: Answer, ticket: Option<Ticket>) {
        self.waiting.push_back(Waiting::new(request, answer, ticket));
    }

    /// What was counted so far.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            waiting: self.waiting.len(),
            rows: self.options.rows,
            resident_adapters: self.residents.count(),
            adapter_places: self.options.adapters,
            adapter_loads: self.residents.loads,
            adapter_evictions: self.residents.evictions,
            ..self.snapshot.clone()
        }
    }

    /// Answers a batch. It returns `false` if there is nothing to do. If nothing can be answered before an adapter is read, it waits.
    pub fn step(&mut self) -> bool {
        loop {
            match self.advance() {
                Progress::Worked => return true,
                Progress::Idle => return false,
                Progress::Waits => self.residents.advance(true),
            }
        }
    }

    /// The same, without waiting.
    fn advance(&mut self) -> Progress {
        self.waiting.retain(|waiting| !waiting.is_abandoned());
        self.residents.advance(false);
        let (batch, places) = self.next_batch();
        if batch.is_empty() {
            return if self.residents.is_loading() { Progress::Waits } else { Progress::Idle };
        }
        let given = catch_unwind(AssertUnwindSafe(|| self.compute(&batch, &places)));
        places.into_iter().flatten().for_each(|place| self.residents.release(place));
        self.snapshot.passes += 1;
        match given {
            Ok(Ok(given)) => {
                batch.into_iter().zip(given).for_each(|(waiting, values)| self.answer(waiting, values))
            }
            // The request is at fault, and one of a batch says the same of all: they fit each other.
            Ok(Err(error)) => self.fail(batch, &error.to_string(), false),
            Err(_) => self.fail(batch, "it panicked, which is a fault of this program", true),
        }
        Progress::Worked
    }

    /// The request that has waited longest and those that fit it, with their adapters in memory.
    fn next_batch(&mut self) -> (Vec<Waiting>, Vec<Option<Place>>) {
        let (mut batch, mut places, mut rest): (Vec<Waiting>, _, _) = (vec![], vec![], VecDeque::new());
        for mut waiting in std::mem::take(&mut self.waiting) {
            let tokens = waiting.request.tokens().max(1);
            let full = (batch.len() + 1) * tokens > self.options.batch_tokens;
            let joins = batch.first().is_none_or(|first| !full && first.request.fits(&waiting.request));
            match self.seat(&mut waiting, joins) {
                Ok(Some(place)) => {
                    batch.push(waiting);
                    places.push(place);
                }
                Ok(None) => rest.push_back(waiting),
                Err(error) => {
                    self.snapshot.failed += 1;
                    waiting.answer(Err(error));
                }
            }
        }
        self.waiting = rest;
        (batch, places)
    }

    /// The place of the adapter of a request that joins a batch; `None` if it has to wait.
    fn seat(&mut self, waiting: &mut Waiting, joins: bool) -> Result<Option<Option<Place>>, ServeError> {
        match &mut waiting.claim {
            _ if !joins => Ok(None),
            None => Ok(Some(None)),
            Some(claim) => match self.residents.acquire(claim)? {
                Acquired::Place(place) => Ok(Some(Some(place))),
                Acquired::Loading | Acquired::AllInUse => Ok(None),
            },
        }
    }

    fn compute(&self, batch: &[Waiting], places: &[Option<Place>]) -> Result<Vec<Vec<f32>>, ServeError> {
        let rows: Vec<Option<usize>> = places.iter().map(|place| place.map(|place| place.index)).collect();
        self.residents.table().set_rows(&rows);
        let requests: Vec<&ForwardRequest> = batch.iter().map(|waiting| &waiting.request).collect();
        Ok(by_row(|| compute(&self.model, &requests, &self.base.device()))?)
    }

    fn answer(&mut self, waiting: Waiting, values: Vec<f32>) {
        self.snapshot.forwards += 1;
        self.snapshot.forward.add(waiting.seconds());
        let answer = match values.iter().filter(|value| !value.is_finite()).count() {
            0 => {
                self.snapshot.prompt_tokens += waiting.request.tokens() as u64;
                Ok(values)
            }
            count => {
                self.snapshot.failed += 1;
                Err(ServeError::NonFinite { count })
            }
        };
        waiting.answer(answer);
    }

    fn fail(&mut self, batch: Vec<Waiting>, reason: &str, panicked: bool) {
        self.snapshot.failed += batch.len() as u64;
        for waiting in batch {
            waiting.answer(Err(match panicked {
                true => ServeError::Failed { reason: reason.into() },
                false => {
                    ServeError::Request { field: "input", problem: format!("cannot be computed: {reason}") }
                }
            }));
        }
    }
}
