//! The engine: requests enter and leave between two passes of the model, and each has its own adapter.

mod free_slots;
mod job;
mod logits;
mod request;
mod room;
mod running;
mod step;
#[cfg(test)]
mod tests;
mod text;

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

use ia3::Task;
use ia3::core::AdapterTable;
use ia3::models::{Model, SlotTokens, Slots};
use tokio::sync::mpsc::UnboundedSender;

pub use job::{Handle, TextJob};
pub use request::{End, Event, Logprob, Penalties, Reason, Request, Token};
pub(crate) use room::Room;

use crate::adapters::{AdapterSources, Catalog, Claim, Residents};
use crate::error::ServeError;
use crate::options::EngineOptions;
use crate::snapshot::Snapshot;
use crate::worker::Ticket;
use free_slots::FreeSlots;
use running::Running;

/// Answers requests to a language model, many at a time.
///
/// [`step`](Self::step) runs the model once: it reads a token of each answer and as much of the prompts as fits, and chooses the
/// next token of each row whose tokens are all read. A request enters when a row is free and leaves with its last token; no other
/// waits for it. Where its prompt begins as that of a request before, under the same adapter, that part is not read again as long as
/// its keys and values are in the memory. The prompt of an encoder-decoder is read by its encoder in one piece when the request enters, and
/// the tokens of the answer are those of its decoder. Its tokens and logits have the same bits on `flex` as if it ran alone, whatever runs beside it. [`Handle`] runs an
/// engine on a thread of its own.
#[derive(Debug)]
pub struct Engine {
    base: ia3::Model,
    /// The base with the table of adapters.
    model: Model,
    slots: Slots,
    free_slots: FreeSlots,
    residents: Residents,
    waiting: VecDeque<Waiting>,
    running: Vec<Running>,
    options: EngineOptions,
    /// What is counted.
    snapshot: Snapshot,
}

/// A request that waits for a row.
#[derive(Debug)]
struct Waiting {
    request: Request,
    /// What it needs of the adapters.
    claim: Option<Claim>,
    events: UnboundedSender<Event>,
    since: Instant,
    /// What counts it among those that wait as long as it exists.
    _ticket: Option<Ticket>,
}

impl Engine {
    /// An engine for `base` and its adapters, such as those in the subfolders of a folder. The memory of keys and values is allocated here.
    ///
    /// # Errors
    ///
    /// [`ServeError::Model`]: the base is no language model of texts, carries adapters, or has fewer positions than
    /// `options.tokens`. [`ServeError::Request`]: a bound is 0.
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
        let slots = base.module().slots(options.rows, options.tokens)?;
        let (model, table) = AdapterTable::attach_as(base.module(), options.adapters, options.adapter_dtype)?;
        let residents = Residents::new(catalog, table, &base);
        let mut engine = Self {
            base,
            model,
            slots,
            free_slots: FreeSlots::new(options.rows),
            residents,
            waiting: VecDeque::new(),
            running: vec![],
            options,
            snapshot: Snapshot::default(),
        };
        engine.slots_after_first_pass()?;
        Ok(engine)
    }

    /// Reads one token, so that the memory is allocated and a base that cannot compute is found before the first request.
    fn slots_after_first_pass(&mut self) -> Result<(), ServeError> {
        if self.encodes() {
            self.model.read_input(&mut self.slots, 0, &[0])?;
        }
        self.model.read_tokens(&mut self.slots, &[SlotTokens { slot: 0, ids: &[0], wanted: false }])?;
        self.slots.clear(0);
        Ok(())
    }

    /// Whether the base is an encoder-decoder.
    fn encodes(&self) -> bool {
        self.base.task() == Task::Seq2SeqLm
    }

    /// The base.
    pub fn base(&self) -> &ia3::Model {
        &self.base
    }

    /// The bounds.
    pub fn options(&self) -> EngineOptions {
        self.options
    }

    /// The bytes that keys and values take.
    pub fn cache_bytes(&mut self) -> usize {
        self.slots.num_bytes()
    }

    /// The bytes that the vectors of the adapters in memory take. There is room for [`EngineOptions::adapters`].
    pub fn adapter_bytes(&self) -> usize {
        self.residents.table().num_bytes()
    }

    /// The names of the adapters in the folder, in order.
    pub fn adapters(&self) -> Vec<String> {
        self.residents.catalog().names()
    }

    /// Takes a request, which waits until a row is free. What happens to it is sent to `events`; if the receiver is dropped, the
    /// request ends before the next step.
    ///
    /// # Errors
    ///
    /// [`ServeError::Full`], and [`ServeError::Request`] for a request that no row has room for.
    pub fn submit(&mut self, request: Request, events: UnboundedSender<Event>) -> Result<(), ServeError> {
        self.check(&request)?;
        if self.waiting.len() >= self.options.queue {
            return Err(ServeError::Full { waiting: self.waiting.len() });
        }
        self.wait(request, events, None);
        Ok(())
    }

    fn wait(&mut self, request: Request, events: UnboundedSender<Event>, ticket: Option<Ticket>) {
        let claim = request.adapter.clone().map(Claim::new);
        self.waiting.push_back(Waiting { request, claim, events, since: Instant::now(), _ticket: ticket });
    }

    /// What was counted so far.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            waiting: self.waiting.len(),
            running: self.running.len(),
            rows: self.options.rows,
            cached_tokens: self.running.iter().map(Running::cached_tokens).sum(),
            // An encoder-decoder has as many for its inputs.
            cache_tokens: self.options.rows * self.options.tokens * if self.encodes() { 2 } else { 1 },
            resident_adapters: self.residents.count(),
            adapter_places: self.options.adapters,
            adapter_loads: self.residents.loads,
            adapter_evictions: self.residents.evictions,
            running_adapters: names(self.running.iter().filter_map(|row| self.residents.name(row.place?))),
            waiting_adapters: names(
                self.waiting.iter().filter_map(|waiting| waiting.request.adapter.as_deref()),
            ),
            ..self.snapshot.clone()
        }
    }

    /// Checks what can be checked of a request before it runs.
    fn check(&self, request: &Request) -> Result<(), ServeError> {
        if request.prompt.is_empty() {
            return Err(ServeError::Request { field: "prompt", problem: "has no tokens".into() });
        }
        Room::new(&self.base, &self.options, request.prompt.len(), &request.generation)?
            .check(request.generation.max_new_tokens)?;
        let vocab = self.model.vocab_size() as i64;
        if let Some(id) = request.prompt.iter().find(|id| !(0..vocab).contains(*id)) {
            let problem = format!("holds the id {id}, outside the vocabulary of {vocab}");
            return Err(ServeError::Request { field: "prompt", problem });
        }
        Ok(())
    }
}

/// Each name once, in order.
fn names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let once: BTreeSet<&str> = names.collect();
    once.into_iter().map(String::from).collect()
}
