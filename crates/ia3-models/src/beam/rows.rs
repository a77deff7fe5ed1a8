//! The rows of a batch that the beams of its entries take.

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use ia3_core::batch_rows;

use crate::error::ModelError;
use crate::generate::GenerationConfig;

/// The number of rows that a generation needs for each batch entry.
pub(crate) fn rows_per_entry(config: &GenerationConfig, model: &impl Module) -> Result<usize, ModelError> {
    config.check()?;
    let beams = config.num_beams;
    match batch_rows(model) {
        Some(_) if beams > 1 => Err(refused(beams, "1 where the rows of a batch have their own adapters")),
        _ => Ok(beams),
    }
}

pub(super) fn refused(beams: usize, expected: &'static str) -> ModelError {
    ModelError::Generation { field: "num_beams", found: beams.to_string(), expected }
}

/// The index that takes each of `rows` rows `times` times.
pub(crate) fn repeated(rows: usize, times: usize, device: &Device) -> Tensor<1, Int> {
    let index: Vec<i64> = (0..rows * times).map(|row| (row / times) as i64).collect();
    Tensor::from_ints(index.as_slice(), device)
}
