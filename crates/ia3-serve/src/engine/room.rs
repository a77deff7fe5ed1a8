//! Whether a prompt and its answer fit into a row.

use ia3::models::GenerationConfig;

use crate::error::ServeError;
use crate::options::EngineOptions;

/// What a row has room for behind a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// The number of tokens of the prompt.
    prompt: usize,
    /// The number of tokens that the decoder of an encoder-decoder begins with.
    start: Option<usize>,
    /// The number of tokens of a row.
    tokens: usize,
}

impl Room {
    /// The room behind a prompt of `prompt` tokens.
    ///
    /// # Errors
    ///
    /// [`ServeError::Request`]: the prompt itself does not fit. [`ServeError::Model`]: the settings name tokens that the decoder cannot
    /// begin with.
    pub(crate) fn new(
        base: &ia3::Model,
        options: &EngineOptions,
        prompt: usize,
        generation: &GenerationConfig,
    ) -> Result<Self, ServeError> {
        let start = base.module().decoder_start(generation)?.map(|start| start.len());
        let room = Self { prompt, start, tokens: options.tokens };
        if prompt > options.tokens || room.new_tokens() == 0 {
            return Err(room.problem("prompt", 1));
        }
        Ok(room)
    }

    /// The most new tokens.
    pub(crate) fn new_tokens(&self) -> usize {
        // The model never reads the last token of an answer.
        (self.tokens + 1).saturating_sub(self.start.unwrap_or(self.prompt))
    }

    /// Checks that `new` tokens fit.
    ///
    /// # Errors
    ///
    /// [`ServeError::Request`] if they do not.
    pub(crate) fn check(&self, new: usize) -> Result<(), ServeError> {
        if new <= self.new_tokens() { Ok(()) } else { Err(self.problem("max_tokens", new)) }
    }

    fn problem(&self, field: &'static str, new: usize) -> ServeError {
        let Self { prompt, tokens, start } = self;
        let each = if start.is_some() { " of each" } else { "" };
        let problem = format!(
            "does not fit: the prompt has {prompt} tokens, and the answer of up to {new}, but a row has room for {tokens}{each}"
        );
        ServeError::Request { field, problem }
    }
}
