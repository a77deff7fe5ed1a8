//! One step of the engine.

use std::panic::{AssertUnwindSafe, catch_unwind};

use burn::tensor::Tensor;
use ia3::models::SlotTokens;
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use super::free_slots::{FreeSlots, Taken};
use super::request::Event;
use super::running::{Choice, Prompt, Running};
use super::{Engine, Waiting};
use crate::adapters::{Acquired, Place};
use crate::error::ServeError;
use crate::worker::Progress;

/// A row that takes part in a pass.
struct Share {
    /// Its index among those that run.
    row: usize,
    /// The number of its tokens that are read.
    tokens: usize,
    /// Whether these are its last ones, so that a token follows.
    chooses: bool,
}

impl Engine {
    /// Lets requests enter and leave, and runs the model once. It returns `false` if there is nothing to do. If nothing runs and an
    /// adapter is being read that a request waits for, it waits too.
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
    pub(super) fn advance(&mut self) -> Progress {
        self.drop_abandoned();
        self.residents.advance(false);
        self.admit();
        if self.running.is_empty() {
            return if self.residents.is_loading() { Progress::Waits } else { Progress::Idle };
        }
        let run = |engine: &mut Self| {
            engine.read_inputs()?;
            engine.run(&engine.plan())
        };
        match catch_unwind(AssertUnwindSafe(|| run(self))) {
            Ok(Ok(())) => (),
            Ok(Err(error)) => self.fail_all(&error.to_string()),
            Err(_) => self.fail_all("it panicked, which is a fault of this program"),
        }
        Progress::Worked
    }

    /// Frees what belongs to requests whose receiver is gone.
    fn drop_abandoned(&mut self) {
        self.waiting.retain(|waiting| !waiting.events.is_closed());
        let (gone, stay): (Vec<Running>, Vec<Running>) =
            std::mem::take(&mut self.running).into_iter().partition(Running::is_abandoned);
        self.running = stay;
        self.snapshot.abandoned += gone.len() as u64;
        gone.into_iter().for_each(|row| self.leave(row));
    }

    /// Gives waiting requests free rows, in order. One whose adapter is being read lets those behind it enter.
    fn admit(&mut self) {
        let mut next = 0;
        while !self.free_slots.is_empty()
            && let Some(waiting) = self.waiting.get_mut(next)
        {
            let acquired = match waiting.claim.as_mut().map(|claim| self.residents.acquire(claim)) {
                None => Ok(None),
                Some(Ok(Acquired::Loading)) => {
                    next += 1;
                    continue;
                }
                // Rows that run, or requests before this one, need all places, so one will be free.
                Some(Ok(Acquired::AllInUse)) => return,
                Some(Ok(Acquired::Place(place))) => Ok(Some(place)),
                Some(Err(error)) => Err(error),
            };
            let Some(waiting) = self.waiting.remove(next) else { return };
            let events = waiting.events.clone();
            if let Err(error) = acquired.and_then(|place| self.enter(waiting, place)) {
                self.snapshot.failed += 1;
                let _ = events.send(Event::Failed(error));
            }
        }
    }

    /// Gives a request a free slot, with the beginning of its prompt where that is in the cache.
    fn enter(&mut self, waiting: Waiting, place: Option<Place>) -> Result<(), ServeError> {
        let adapter = place.map(|place| place.id);
        let running = self.running.iter().map(Running::held);
        let start = self.model.decoder_start(&waiting.request.generation).inspect_err(|_| {
            place.into_iter().for_each(|place| self.residents.release(place));
        })?;
        // What a decoder has in the cache of an encoder-decoder depends on the whole prompt.
        let prompt = if start.is_some() { &[] } else { waiting.request.prompt.as_slice() };
        let Some(taken) = self.free_slots.take(prompt, adapter, running) else {
            return Ok(());
        };
        let Taken { slot, from, len } = taken;
        self.slots.copy(from, slot, len);
        let row = Running::new(waiting, (slot, place), len, start).inspect_err(|_| {
            self.free_slots.give(slot, vec![], None);
            place.into_iter().for_each(|place| self.residents.release(place));
        })?;
        self.snapshot.reused_tokens += len as u64;
        self.running.push(row);
        Ok(())
    }

    /// Lets the encoder of an encoder-decoder read the prompts of rows that have entered, in their order: one, and as many more as the
    /// tokens of a pass allow.
    fn read_inputs(&mut self) -> Result<(), ServeError> {
        let answering = self.running.iter().filter(|row| row.is_answering()).count();
        let (mut left, mut first) = (self.options.pass_tokens.saturating_sub(answering), true);
        for row in &mut self.running {
            let Prompt::Unread(prompt) = &row.prompt else { continue };
            if !first && prompt.len() > left {
                break;
            }
            self.residents.table().set_rows(&[index(row)]);
            self.model.read_input(&mut self.slots, row.slot, prompt)?;
            (left, first) = (left.saturating_sub(prompt.len()), false);
            self.snapshot.prompt_tokens += prompt.len() as u64;
            row.prompt = Prompt::Encoded;
        }
        Ok(())
    }

    /// What the rows read in the next pass: answers first, then prompts in the order in which they came.
    fn plan(&self) -> Vec<Share> {
        let mut left = self.options.pass_tokens.max(self.options.rows);
        let mut pass = vec![];
        for answering in [true, false] {
            for (row, running) in self.running.iter().enumerate() {
                let unread = running.unread().len();
                let tokens = unread.min(left);
                if running.is_answering() == answering && tokens > 0 {
                    pass.push(Share { row, tokens, chooses: tokens == unread });
                    left -= tokens;
                }
            }
        }
        pass
    }

    fn run(&mut self, pass: &[Share]) -> Result<(), ServeError> {
        let rows = || pass.iter().map(|share| (share, &self.running[share.row]));
        let places: Vec<Option<usize>> =
            rows().flat_map(|(share, row)| std::iter::repeat_n(index(row), share.tokens)).collect();
        let choosing: Vec<&Share> = pass.iter().filter(|share| share.chooses).collect();
        let of_choosing: Vec<Option<usize>> =
            choosing.iter().map(|share| index(&self.running[share.row])).collect();
        let tokens: Vec<SlotTokens> = rows()
            .map(|(share, row)| SlotTokens {
                slot: row.slot,
                ids: &row.unread()[..share.tokens],
                wanted: share.chooses,
            })
            .collect();
        let table = self.residents.table();
        table.set_rows(&places);
        let states = self.model.read_tokens(&mut self.slots, &tokens)?;
        self.snapshot.passes += 1;
        for share in pass {
            let row = &mut self.running[share.row];
            self.snapshot.prompt_tokens += if row.is_answering() { 0 } else { share.tokens as u64 };
            row.read += share.tokens;
        }
        if choosing.is_empty() {
            return Ok(());
        }
        table.set_rows(&of_choosing);
        let logits = self.model.next_logits(states)?;
        let rows: Vec<usize> = choosing.iter().map(|share| share.row).collect();
        let choices = self.choose(&rows, &logits);
        let tokenizer = self.base.tokenizer()?;
        let mut done = vec![];
        for (at, choice) in rows.into_iter().zip(choices) {
            let row = &mut self.running[at];
            match choice.and_then(|choice| row.advance(choice, tokenizer, &mut self.snapshot)) {
                Ok(false) => (),
                Ok(true) => done.push(at),
                Err(error) => {
                    self.snapshot.failed += 1;
                    row.send(Event::Failed(error));
                    done.push(at);
                }
            }
        }
        done.sort_unstable();
        for row in done.into_iter().rev() {
            let row = self.running.remove(row);
            self.leave(row);
        }
        Ok(())
    }

    /// The next tokens of these rows from their logits `[rows, vocab]`, in their order. The rows are independent of each other, so
    /// several threads choose.
    fn choose(&mut self, rows: &[usize], logits: &Tensor<2>) -> Vec<Result<Choice, ServeError>> {
        let mut running: Vec<Option<&mut Running>> = self.running.iter_mut().map(Some).collect();
        let choosing: Vec<&mut Running> = rows.iter().filter_map(|row| running[*row].take()).collect();
        let choose = |(index, row): (usize, &mut Running)| row.choose(logits.clone().narrow(0, index, 1));
        choosing.into_par_iter().enumerate().map(choose).collect()
    }

    /// Frees the slot of a row, which keeps what it holds for requests that begin in the same way.
    fn leave(&mut self, row: Running) {
        let held = row.held();
        self.free_slots.give(held.slot, held.tokens.to_vec(), held.adapter);
        row.place.into_iter().for_each(|place| self.residents.release(place));
    }

    /// Ends all rows after a failure of the model. Waiting requests go on.
    fn fail_all(&mut self, reason: &str) {
        for row in std::mem::take(&mut self.running) {
            self.snapshot.failed += 1;
            row.send(Event::Failed(ServeError::Failed { reason: reason.into() }));
            self.leave(row);
        }
        // What the cache holds after a failure is not known.
        self.free_slots = FreeSlots::new(self.options.rows);
    }
}

/// The place of the table that a row uses.
fn index(row: &Running) -> Option<usize> {
    row.place.map(|place| place.index)
}
