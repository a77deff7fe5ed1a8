//! Greedy decoding, on a base of floats and on one in 8 bits.

use anyhow::Result;
use ia3::models::Model;
use ia3::{Bits, ModelInputs, Quantization};
use ia3_benches::bytes_per_token;

use super::Ours;
use crate::figures::{INT4_FAST, INT8, INT8_FAST, INT8_HEAD};
use crate::machine;
use crate::timing::{peak, timed};

/// Number of new tokens.
const NEW: usize = 32;

impl Ours {
    pub(super) fn decode(&mut self) -> Result<()> {
        let (model, base) = (self.adapted()?, self.base.clone());
        for rows in [1, self.shape.batch] {
            self.generation(&self.named(&format!("decode 32, batch {rows}")), &model, &base, rows)?;
        }
        self.figures.insert(format!("{} peak", self.named("decode")), peak()?);
        if !self.settings.half {
            self.decode_integers()?;
        }
        let [one, all] = machine::bandwidth(self.settings.threads)?;
        self.figures.insert("read GB/s, one thread".into(), one);
        self.figures.insert("read GB/s".into(), all);
        Ok(())
    }

    fn decode_integers(&mut self) -> Result<()> {
        for variant in [INT8, INT8_HEAD, INT8_FAST, INT4_FAST] {
            let base = quantized(&self.base, variant)?;
            let model = ia3::attach(&base, &[&self.adapter])?;
            self.generation(&format!("decode 32, batch 1{variant}"), &model, &base, 1)?;
        }
        Ok(())
    }

    pub(super) fn start(&mut self) -> Result<()> {
        generate(&self.adapted()?, &self.inputs(1), 1)
    }

    /// Times generation, and one token of it without the prompt: the time of one new token counts as that of the prompt.
    fn generation(&mut self, name: &str, model: &Model, base: &Model, rows: usize) -> Result<()> {
        let (runs, inputs) = (self.settings.runs, self.inputs(rows));
        let (prompt, _) = timed(runs, || generate(model, &inputs, 1))?;
        let (wall, cpu) = timed(runs, || generate(model, &inputs, NEW))?;
        self.record(name, (wall, cpu));
        self.figures.insert(format!("{name} ms per token"), (wall - prompt) / (NEW - 1) as f64);
        self.figures.insert(format!("{name} MB per token"), bytes_per_token(base) as f64 / 1e6);
        Ok(())
    }
}

/// The base in the integers of a variant.
pub(super) fn quantized(base: &Model, variant: &str) -> Result<Model> {
    let (head, fast) = (variant != INT8, [INT8_FAST, INT4_FAST].contains(&variant));
    let bits = if variant == INT4_FAST { Bits::Four } else { Bits::Eight };
    let base = if head { base.clone().with_own_head() } else { base.clone() };
    let (base, _) = ia3::quantize(&base, Quantization::new(bits).with_head(head))?;
    Ok(if fast { ia3::with_integer_products(base) } else { base })
}

/// Generates exactly `tokens` tokens.
pub(super) fn generate(model: &Model, inputs: &ModelInputs, tokens: usize) -> Result<()> {
    let mut config = model.generation_config(tokens);
    config.min_new_tokens = tokens;
    model.generate(inputs, &config)?;
    Ok(())
}
