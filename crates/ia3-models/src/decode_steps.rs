//! What a loop of a generation is given: where it starts, and how it goes on.

use burn::tensor::{Int, Tensor};

use crate::error::ModelError;
use crate::generate::GenerationConfig;

/// The tokens of a step.
pub(crate) struct Column {
    /// The ids `[rows, 1]`.
    pub(crate) ids: Tensor<2, Int>,
    /// The row of the step before that each of them follows, unless it is the same row.
    pub(crate) rows: Option<Tensor<1, Int>>,
}

/// The start and the step of a generation.
pub(crate) struct Steps<'a, F> {
    /// The ids that the rows start with, `[rows, seq]`: one row for each batch entry, or one for each of its beams.
    pub(crate) start: Tensor<2, Int>,
    pub(crate) config: &'a GenerationConfig,
    /// Computes the logits `[rows, vocab]` of a step from the tokens of the step before it.
    pub(crate) next: F,
}

/// The token that is forced at step `index` of rows that start with `start` tokens. It has to be in the vocabulary.
pub(crate) fn forced_token(
    config: &GenerationConfig,
    start: usize,
    index: usize,
    vocab: usize,
) -> Result<Option<i64>, ModelError> {
    match config.forced(start, index) {
        Some(id) if !(0..vocab as i64).contains(&id) => Err(ModelError::Generation {
            field: "forced_bos_token_id or forced_eos_token_id",
            found: id.to_string(),
            expected: "an id of the vocabulary",
        }),
        forced => Ok(forced),
    }
}
