use ia3_train::TrainReport;

use crate::adapter::Adapter;
use crate::model::Model;

/// What a training made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Trained {
    /// The model with the trained adapter; [`Model::adapter`] returns it.
    pub model: Model,
    /// The loss of each step, and whether the training was stopped early.
    pub report: TrainReport,
}

/// What a training of several adapters made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TrainedAdapters {
    /// The trained adapters, in the order in which they were given.
    pub adapters: Vec<Adapter>,
    /// The mean loss of each step, and whether the training was stopped early.
    pub report: TrainReport,
}
