use burn::tensor::{Int, Tensor};

use crate::error::ModelError;

/// How to generate, under Hugging Face's names.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerationConfig {
    /// Tokens to generate at most, per row.
    pub max_new_tokens: usize,
    /// Tokens before which no row may end.
    pub min_new_tokens: usize,
    /// Ids that end a row.
    pub eos_token_id: Vec<i64>,
    /// Id that fills a row after its end.
    pub pad_token_id: i64,
    /// How to draw tokens; without it the most probable one is taken (greedy search).
    pub sampling: Option<Sampling>,
}

/// How tokens are drawn: the logits are divided by the temperature, cut to the most probable, and drawn from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Divides the logits; below 1 sharpens, above 1 flattens.
    pub temperature: f64,
    /// Draw among this many most probable tokens; ties with the last one stay.
    pub top_k: Option<usize>,
    /// Draw among the fewest most probable tokens that hold this share of the probability together.
    pub top_p: f64,
    /// Row `i` of a batch draws from stream `i` of this seed, whatever the other rows do.
    pub seed: u64,
}

impl Default for Sampling {
    /// From the model's own distribution.
    fn default() -> Self {
        Self { temperature: 1.0, top_k: None, top_p: 1.0, seed: 0 }
    }
}

impl GenerationConfig {
    /// Greedy search for up to `max_new_tokens` tokens; a row that ended is filled with the first end token.
    pub fn new(max_new_tokens: usize, eos_token_id: Vec<i64>) -> Self {
        let pad_token_id = eos_token_id.first().copied().unwrap_or(0);
        Self { max_new_tokens, min_new_tokens: 0, eos_token_id, pad_token_id, sampling: None }
    }

    pub(crate) fn check(&self) -> Result<(), ModelError> {
        let expect = |ok, field, found: String, expected| match ok {
            true => Ok(()),
            false => Err(ModelError::Generation { field, found, expected }),
        };
        let new = self.max_new_tokens;
        expect(new > 0, "max_new_tokens", new.to_string(), "at least 1")?;
        let Some(Sampling { temperature: t, top_k, top_p: p, .. }) = self.sampling else { return Ok(()) };
        expect(t > 0.0 && t.is_finite(), "temperature", t.to_string(), "a positive number")?;
        expect(top_k != Some(0), "top_k", "0".into(), "at least 1")?;
        expect(p > 0.0 && p <= 1.0, "top_p", p.to_string(), "a share above 0 and up to 1")
    }
}

/// One step of a generation, as seen by a callback.
#[derive(Debug)]
pub struct Step<'a> {
    /// Counts from 0.
    pub index: usize,
    /// The model's logits before any token was suppressed, `[batch, vocab]`.
    pub logits: &'a Tensor<2>,
    /// The token chosen for each row; padding for rows that have ended.
    pub tokens: &'a [i64],
}

/// What a generation returns.
#[derive(Clone, Debug)]
pub struct Generated {
    /// Ids as Hugging Face's `generate` returns them, decoder start or prompt included, `[batch, seq]`.
    pub ids: Tensor<2, Int>,
}
