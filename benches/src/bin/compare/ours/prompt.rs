//! The time from a long prompt to its first new token.

use anyhow::Result;
use ia3::models::Model;

use super::Ours;
use super::decode::quantized;
use crate::figures::{INT4_FAST, INT8_FAST};

/// Number of tokens of the prompt.
const PROMPT: usize = 512;

impl Ours {
    pub(super) fn prompt(&mut self) -> Result<()> {
        self.first_token(&self.named("prompt 512"), &self.adapted()?)?;
        if self.settings.half {
            return Ok(());
        }
        for variant in [INT8_FAST, INT4_FAST] {
            let base = quantized(&self.base, variant)?;
            self.first_token(&format!("prompt 512{variant}"), &ia3::attach(&base, &[&self.adapter])?)?;
        }
        Ok(())
    }

    fn first_token(&mut self, name: &str, model: &Model) -> Result<()> {
        let inputs = self.inputs_of(1, PROMPT);
        self.time(name, self.settings.runs, || super::decode::generate(model, &inputs, 1))
    }
}
