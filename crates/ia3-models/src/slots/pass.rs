//! The new tokens of a pass over several slots.

use std::sync::Arc;

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::{SlotTokens, Slots, problem};
use crate::error::ModelError;
use crate::inputs::{check_row_ids, int_tensor};
use crate::slot_cache::Part;

/// The tokens of a pass, checked: each is a row of the batch.
pub(super) struct Pass {
    pub(super) parts: Arc<[Part]>,
    ids: Vec<i64>,
    /// The rows whose states are wanted.
    wanted: Vec<i64>,
}

impl Pass {
    /// Checks tokens of a vocabulary against the slots and against the longest sequence that the model takes.
    pub(super) fn new(
        slots: &Slots,
        tokens: &[SlotTokens],
        vocab: usize,
        most: Option<usize>,
    ) -> Result<Self, ModelError> {
        let ids: Vec<Vec<i64>> = tokens.iter().map(|part| part.ids.to_vec()).collect();
        // No row is padded here: each token is a row.
        check_row_ids(&ids, 0, vocab)?;
        let parts = slots.parts(tokens)?;
        if parts.is_empty() {
            return Err(problem("has no tokens".into()));
        }
        let wanted = parts.iter().zip(tokens).filter(|(_, tokens)| tokens.wanted);
        let wanted = wanted.map(|(part, _)| part.rows.end as i64 - 1).collect();
        let pass = Self { parts, ids: ids.concat(), wanted };
        let longest = pass.longest();
        match most.filter(|most| longest > *most) {
            Some(most) => Err(problem(format!("has {longest} tokens, but the model takes {most} here"))),
            None => Ok(pass),
        }
    }

    /// The number of tokens of the longest sequence after the pass.
    pub(super) fn longest(&self) -> usize {
        self.parts.iter().map(|part| part.past + part.rows.len()).max().unwrap_or(0)
    }

    /// The ids `[rows, 1]`.
    pub(super) fn ids(&self, device: &Device) -> Tensor<2, Int> {
        int_tensor(self.ids.clone(), [self.ids.len(), 1], device)
    }

    /// The position of each row.
    pub(super) fn positions(&self) -> Vec<usize> {
        self.parts.iter().flat_map(|part| part.past..part.past + part.rows.len()).collect()
    }

    /// The states `[wanted, d]` of the tokens that are wanted, among the states `[rows, 1, d]` of all.
    pub(super) fn wanted(&self, states: Tensor<3>) -> Tensor<2> {
        let ([_, _, d], device, wanted) = (states.dims(), states.device(), self.wanted.len());
        if wanted == 0 {
            return Tensor::empty([0, d], &device);
        }
        let rows = Tensor::<1, Int>::from_data(TensorData::new(self.wanted.clone(), [wanted]), &device);
        states.squeeze_dim::<2>(1).select(0, rows)
    }
}
