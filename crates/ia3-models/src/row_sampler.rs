use std::borrow::Cow;

use burn::tensor::Tensor;

use crate::decoded_rows::DecodedRows;
use crate::error::ModelError;
use crate::generate::GenerationConfig;

/// Chooses the tokens of one sequence by its own settings, as [`Model::generate`](crate::Model::generate) does for a batch of
/// one. It is for programs that compute the logits of many sequences at once ([`Model::read_tokens`](crate::Model::read_tokens)).
#[derive(Debug)]
pub struct RowSampler {
    row: DecodedRows<'static>,
    prompt: usize,
}

impl RowSampler {
    /// Goes on from `prompt`.
    ///
    /// # Errors
    ///
    /// [`ModelError::Generation`]: a setting has a value that is not possible, or asks for a beam search or for proposed tokens,
    /// which compute more than one row.
    pub fn new(prompt: Vec<i64>, config: GenerationConfig) -> Result<Self, ModelError> {
        config.check()?;
        if config.num_beams > 1 {
            let found = config.num_beams.to_string();
            return Err(ModelError::Generation { field: "num_beams", found, expected: "1 for one sequence" });
        }
        if config.prompt_lookup_num_tokens > 0 {
            return Err(config.no_drafts("0 for one sequence among others"));
        }
        let prompt_len = prompt.len();
        Ok(Self { row: DecodedRows::of_rows(vec![prompt], Cow::Owned(config), vec![]), prompt: prompt_len })
    }

    /// Chooses the next token from its logits `[1, vocab]`, and appends it.
    ///
    /// # Errors
    ///
    /// [`ModelError::Generation`]: a forced token is outside the vocabulary.
    pub fn choose(&mut self, logits: Tensor<2>) -> Result<i64, ModelError> {
        let tokens = self.row.advance(self.new_tokens().len(), logits, &mut |_| ())?;
        Ok(tokens[0])
    }

    /// The tokens that were chosen.
    pub fn new_tokens(&self) -> &[i64] {
        &self.row.first()[self.prompt..]
    }

    /// The prompt and the tokens that were chosen.
    pub fn tokens(&self) -> &[i64] {
        self.row.first()
    }

    /// Whether the last token was an end token.
    pub fn has_ended(&self) -> bool {
        self.row.all_ended()
    }

    /// Whether no further token may follow: after an end token, or after `max_new_tokens`.
    pub fn is_done(&self) -> bool {
        self.has_ended() || self.new_tokens().len() >= self.row.config().max_new_tokens
    }

    /// The number of logits so far that were NaN or infinite. If it is not 0, the tokens mean nothing.
    pub fn non_finite(&self) -> usize {
        self.row.non_finite()
    }
}
