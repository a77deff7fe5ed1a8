//! What a step of the engine takes beside the passes of the model.

use anyhow::{Result, ensure};
use ia3::core::{Adapter, AdapterTable};
use ia3::models::{Model, SlotTokens, Slots};
use ia3_benches::{Ratios, in_turns};
use ia3_serve::Engine;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::Args;
use crate::adapters::name;
use crate::text::{finished, request, submit};

/// The time of steps of the engine in which every row gets a token, over that of the same passes without an engine.
pub(crate) fn against_passes(
    args: &Args,
    engine: &mut Engine,
    base: &ia3::Model,
    adapter: &Adapter,
) -> Result<Ratios> {
    let requests = |i| request(args, i, Some(name(i)), args.new_tokens);
    let receivers = submit(engine, (0..args.requests).map(requests).collect())?;
    while receivers.iter().any(|receiver| receiver.is_empty()) {
        engine.step();
    }
    // No row ends before the last round.
    let chosen = receivers.iter().map(UnboundedReceiver::len).max().unwrap_or(0);
    let steps = args.new_tokens.saturating_sub(chosen + 1) / (args.rounds + 1);
    ensure!(steps > 0, "more --new-tokens are needed: {chosen} are chosen before all rows answer");
    let mut passes = Passes::new(args, base, adapter)?;
    let ratios = in_turns(
        args.rounds,
        || (0..steps).for_each(|_| passes.run().expect("the model reads tokens")),
        || {
            (0..steps).for_each(|_| {
                engine.step();
                std::hint::black_box(engine.snapshot());
            })
        },
    );
    while engine.step() {}
    receivers.into_iter().try_for_each(|mut receiver| finished(&mut receiver))?;
    Ok(ratios)
}

/// The model with as many rows as the engine has, each under its own adapter.
struct Passes {
    model: Model,
    table: AdapterTable,
    slots: Slots,
    places: Vec<Option<usize>>,
}

impl Passes {
    fn new(args: &Args, base: &ia3::Model, adapter: &Adapter) -> Result<Self> {
        let (model, table) = AdapterTable::attach(base.module(), args.requests)?;
        (0..args.requests).try_for_each(|place| table.write(place, adapter))?;
        let mut slots = model.slots(args.requests, args.prompt + args.new_tokens)?;
        for slot in 0..args.requests {
            table.set_rows(&vec![Some(slot); args.prompt]);
            let ids = request(args, slot, None, 1).prompt;
            model.read_tokens(&mut slots, &[SlotTokens { slot, ids: &ids, wanted: false }])?;
        }
        let places = (0..args.requests).map(Some).collect();
        Ok(Self { model, table, slots, places })
    }

    /// Reads a token of every row, and computes the logits of the next ones.
    fn run(&mut self) -> Result<()> {
        self.table.set_rows(&self.places);
        let read = |slot| SlotTokens { slot, ids: &[7], wanted: true };
        let tokens: Vec<SlotTokens> = (0..self.places.len()).map(read).collect();
        let states = self.model.read_tokens(&mut self.slots, &tokens)?;
        std::hint::black_box(self.model.next_logits(states)?);
        Ok(())
    }
}
