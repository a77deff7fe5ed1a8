use burn::tensor::DType;
use ia3::models::{Model, SlotTokens};

use crate::error::ServeError;

/// The bounds of an engine, which determine its memory before it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineOptions {
    /// The number of requests that run at the same time.
    pub rows: usize,
    /// The number of tokens of a request and its answer together. Keys and values of `rows · tokens` tokens are kept. In an
    /// encoder-decoder it is the number of tokens of a request, and also that of its answer, and twice as many keys and values are kept.
    pub tokens: usize,
    /// The number of tokens that one pass of the model reads. Each running row takes one of them, and prompts are read in parts
    /// that fill the rest. A smaller number lets tokens of running rows come more evenly beside long prompts.
    pub pass_tokens: usize,
    /// The number of tokens of a batch of texts that one pass answers, such as embeddings. A longer text is a batch of its own.
    pub batch_tokens: usize,
    /// The number of requests that may wait.
    pub queue: usize,
    /// The number of adapters in memory.
    pub adapters: usize,
    /// The dtype in which the vectors of adapters are kept: float32, or float16 or bfloat16 in half of the memory. They are computed with
    /// in float32.
    pub adapter_dtype: DType,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl EngineOptions {
    /// 16 rows of up to 2048 tokens, 128 tokens a pass, batches of 2048 tokens, 256 waiting requests and 256 adapters.
    pub fn new() -> Self {
        Self {
            rows: 16,
            tokens: 2048,
            pass_tokens: 128,
            batch_tokens: 2048,
            queue: 256,
            adapters: 256,
            adapter_dtype: DType::F32,
        }
    }

    /// Sets [`rows`](Self::rows).
    pub fn with_rows(self, rows: usize) -> Self {
        Self { rows, ..self }
    }

    /// Sets [`tokens`](Self::tokens).
    pub fn with_tokens(self, tokens: usize) -> Self {
        Self { tokens, ..self }
    }

    /// Sets [`pass_tokens`](Self::pass_tokens).
    pub fn with_pass_tokens(self, pass_tokens: usize) -> Self {
        Self { pass_tokens, ..self }
    }

    /// Sets [`batch_tokens`](Self::batch_tokens).
    pub fn with_batch_tokens(self, batch_tokens: usize) -> Self {
        Self { batch_tokens, ..self }
    }

    /// Sets [`queue`](Self::queue).
    pub fn with_queue(self, queue: usize) -> Self {
        Self { queue, ..self }
    }

    /// Sets [`adapters`](Self::adapters).
    pub fn with_adapters(self, adapters: usize) -> Self {
        Self { adapters, ..self }
    }

    /// Sets [`adapter_dtype`](Self::adapter_dtype).
    pub fn with_adapter_dtype(self, adapter_dtype: DType) -> Self {
        Self { adapter_dtype, ..self }
    }

    /// As many rows of [`tokens`](Self::tokens) tokens as `bytes` of keys and values allow, but not more than `most`.
    ///
    /// # Errors
    ///
    /// [`ServeError::Request`]: not even one row fits, or the base keeps no keys and values. [`ServeError::Model`]: it cannot be run.
    pub fn with_memory(self, base: &ia3::Model, bytes: u64, most: usize) -> Result<Self, ServeError> {
        let refused = |problem| ServeError::Request { field: "max_memory", problem };
        if !base.task().is_language_model() {
            return Err(refused("is given, but the base keeps no keys and values; leave it out".into()));
        }
        let row = row_bytes(base.module())?.saturating_mul(self.tokens as u64).max(1);
        let rows = usize::try_from(bytes / row).unwrap_or(usize::MAX).min(most);
        if rows == 0 {
            return Err(refused(format!(
                "is {}, but a row of {} tokens takes {}; give at least that, or fewer tokens",
                size(bytes),
                self.tokens,
                size(row)
            )));
        }
        Ok(Self { rows, ..self })
    }

    /// Checks that no bound is 0, and the dtype.
    pub(crate) fn check(&self) -> Result<(), ServeError> {
        let bounds = [
            ("rows", self.rows),
            ("tokens", self.tokens),
            ("pass_tokens", self.pass_tokens),
            ("batch_tokens", self.batch_tokens),
            ("queue", self.queue),
            ("adapters", self.adapters),
        ];
        match bounds.into_iter().find(|(_, bound)| *bound == 0) {
            Some((field, _)) => {
                Err(ServeError::Request { field, problem: "is 0, expected at least 1".into() })
            }
            None if ![DType::F32, DType::F16, DType::BF16].contains(&self.adapter_dtype) => {
                let problem = format!("is {:?}, expected F32, F16 or BF16", self.adapter_dtype);
                Err(ServeError::Request { field: "adapter_dtype", problem })
            }
            None => Ok(()),
        }
    }
}

/// The bytes that a token of each row takes, from a row with one token.
fn row_bytes(model: &Model) -> Result<u64, ServeError> {
    let mut slots = model.slots(1, 1)?;
    if model.decoder_start(&model.generation_config(1))?.is_some() {
        model.read_input(&mut slots, 0, &[0])?;
    }
    model.read_tokens(&mut slots, &[SlotTokens { slot: 0, ids: &[0], wanted: false }])?;
    Ok(slots.num_bytes() as u64)
}

/// A number of bytes for a message.
fn size(bytes: u64) -> String {
    let units = [("GiB", 1u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.into_iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{:.2} {name}", bytes as f64 / unit as f64),
        None => format!("{bytes} bytes"),
    }
}
