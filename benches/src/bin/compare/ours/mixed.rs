//! A batch in which every row has its own adapter.

use anyhow::Result;
use ia3::core::Adapter;
use ia3::models::Model;
use ia3_benches::in_turns;

use super::{Ours, loss};

/// Number of rows of the batch, and of adapters.
const ROWS: usize = 8;

impl Ours {
    /// PEFT needs one pass per adapter; this library needs one pass. The cost of adapters by row is the ratio to the same
    /// batch under one adapter, measured alternately.
    pub(super) fn mixed(&mut self) -> Result<()> {
        let (batch, one, mixed) = (self.setup(ROWS), self.adapted()?, self.rows()?);
        let runs = self.settings.runs;
        self.time("8 rows, 8 adapters", runs, || loss(&mixed, &batch))?;
        let run = |model: &Model| loss(model, &batch).expect("it has run before");
        loss(&one, &batch)?;
        let ratios = in_turns(runs.max(5), || run(&one), || run(&mixed));
        self.figures.insert("8 adapters / one".into(), ratios.quantile(0.5));
        Ok(())
    }

    fn rows(&self) -> Result<Model> {
        let other = ia3::io::load_adapter(self.dir.join("adapter_b"), &self.base.info(), &self.device)?;
        let of_row = |row| if row % 2 == 0 { self.adapter.fork() } else { other.fork() };
        let adapters: Vec<Adapter> = (0..ROWS).map(of_row).collect();
        Ok(ia3::attach_rows(&self.base, &adapters.iter().map(Some).collect::<Vec<_>>())?)
    }
}
