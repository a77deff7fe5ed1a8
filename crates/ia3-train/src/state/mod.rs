//! The state of a training as bytes: the trained values and those of the optimiser, by parameter path.
//!
//! burn's records of optimisers use parameter ids, which are drawn at random in every process. Paths stay the same.

mod optimizer_entry;
mod restore;
mod save;

use std::collections::BTreeMap;

use burn::module::ParamId;
use burn::tensor::{Bytes, TensorData};
use burn_pack::Reader;
use ia3_core::visit_params;
use ia3_models::Model;

use crate::error::CheckpointError;

pub(crate) use restore::restore;
pub(crate) use save::save;

/// The state of a training after a step, from which [`Trainer::restore`](crate::Trainer::restore) continues.
#[derive(Clone, Debug)]
pub struct TrainState {
    /// The number of steps done.
    pub step: usize,
    /// The trained values (`parameter/PATH`) and those of the optimiser (`optimizer/PATH|FIELD`), in burn's format
    /// `burnpack`.
    pub values: Vec<u8>,
}

const PARAMETER: &str = "parameter/";
const OPTIMIZER: &str = "optimizer/";

/// Parameters by path, with their id and value.
type Parameters = BTreeMap<String, (ParamId, TensorData)>;

/// The parameters of `model` that require gradients.
fn trained(model: &Model) -> Parameters {
    let mut trained = BTreeMap::new();
    visit_params(model, |path, param| {
        if param.requires_grad() {
            trained.insert(path.field_path(), (param.id(), param.data()));
        }
    });
    trained
}

fn reader(bytes: Bytes) -> Result<Reader, CheckpointError> {
    Reader::from_bytes(bytes).map_err(problem)
}

fn problem(reason: impl ToString) -> CheckpointError {
    CheckpointError::State { reason: reason.to_string() }
}
