//! Generation.

use anyhow::Result;
use ia3::Model;

use super::Ours;
use super::weights::bytes_a_token;
use crate::machine;
use crate::report::INT8;
use crate::timing::timed;

/// New tokens.
const NEW: usize = 32;

impl Ours {
    pub(super) fn decode(&mut self) -> Result<()> {
        let (model, base) = (self.adapted()?, self.base.clone());
        for rows in [1, self.shape.batch] {
            self.generation(&format!("decode 32, batch {rows}"), &model, &base, rows)?;
        }
        let (base, _) = ia3::quantize(&self.base, ia3::Bits::Eight)?;
        let quantized = ia3::attach(&base, &[&self.adapter])?;
        self.generation(&format!("decode 32, batch 1{INT8}"), &quantized, &base, 1)?;
        let [one, all] = machine::bandwidth(self.settings.threads)?;
        self.figures.insert("read GB/s, one thread".into(), one);
        self.figures.insert("read GB/s".into(), all);
        Ok(())
    }

    pub(super) fn start(&mut self) -> Result<()> {
        self.generate(&self.adapted()?, 1, 1)
    }

    /// Times it, and a token of it apart from the prompt: that of one new token is that of the prompt.
    fn generation(&mut self, name: &str, model: &Model, base: &Model, rows: usize) -> Result<()> {
        let runs = self.settings.runs;
        let (prompt, _) = timed(runs, || self.generate(model, rows, 1))?;
        let (wall, cpu) = timed(runs, || self.generate(model, rows, NEW))?;
        self.record(name, (wall, cpu));
        self.figures.insert(format!("{name} ms a token"), (wall - prompt) / (NEW - 1) as f64);
        self.figures.insert(format!("{name} MB a token"), bytes_a_token(base) as f64 / 1e6);
        Ok(())
    }

    fn generate(&self, model: &Model, rows: usize, tokens: usize) -> Result<()> {
        let mut config = model.generation_config(tokens);
        config.min_new_tokens = tokens;
        model.generate(&self.inputs(rows), &config, &mut |_| ())?;
        Ok(())
    }
}
