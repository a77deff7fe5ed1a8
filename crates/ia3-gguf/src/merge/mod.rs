//! Merging vectors into a file: each edit of a tensor is planned, tried, and then written with a copy of everything else.

mod edit;
mod pieces;
mod plan;
mod prepare;
mod record;
mod write;

use std::collections::BTreeMap;

use ia3_config::Placement;

pub use self::plan::MergePlan;
pub use self::prepare::PreparedMerge;
pub use self::record::MergedRecord;
use crate::blocks::Rounding;

/// The vector of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct ModuleVector {
    /// Hugging Face's path of the layer: `model.layers.0.self_attn.k_proj`.
    pub module: String,
    /// What it scales.
    pub placement: Placement,
    /// One factor per input or output.
    pub values: Vec<f32>,
}

/// How to merge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MergeOptions {
    /// Quantise tensors again whose inputs are scaled, where that is not exact.
    pub requantize: bool,
    /// The hashes of the adapters, for the record in the file.
    pub adapters: Vec<String>,
}

impl MergeOptions {
    /// Exact, and without adapters in the record.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows quantising tensors again.
    pub fn with_requantize(mut self, requantize: bool) -> Self {
        self.requantize = requantize;
        self
    }

    /// Sets the hashes of the adapters.
    pub fn with_adapters(mut self, adapters: Vec<String>) -> Self {
        self.adapters = adapters;
        self
    }
}

/// What a merge does to a file.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct MergeReport {
    /// The tensors that are changed, with the names of their types.
    pub tensors: BTreeMap<String, &'static str>,
    /// What rounding does to the numbers that are multiplied, which are the scales of quantised blocks and the values of
    /// float tensors.
    pub rounding: Rounding,
    /// The relative error `‖W − Wq‖ / ‖W‖` of every tensor that is quantised again.
    pub requantized: BTreeMap<String, f64>,
    /// The SHA-256 of the file that is merged into.
    pub base_sha256: String,
}
