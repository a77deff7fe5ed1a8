#![doc = include_str!("../README.md")]
#![warn(missing_docs)]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate self as ia3_train;

mod batches;
mod checkpoints;
mod clip;
mod collate;
mod dataset;
mod epoch_order;
mod epoch_plan;
mod error;
mod evaluate;
mod file_hashes;
mod fingerprint;
mod finite;
mod loss_config;
pub mod metrics;
mod multi_task;
mod objective;
mod optimizer;
mod presets;
mod ranks;
mod row_lengths;
mod schedule;
mod state;
mod target_kind;
mod token_types;
mod train_config;
mod train_report;
mod trained;
mod trainer;
mod training;

pub use checkpoints::{Checkpoint, Checkpoints};
pub use clip::clip_grad_norm;
pub use collate::{Batch, collate, image_batch};
pub use dataset::Dataset;
pub use epoch_plan::EpochPlan;
pub use error::{CheckpointError, Difference, ExampleError, TrainError};
pub use evaluate::{
    EntityScores, Evaluation, Evaluator, MeanScores, Metric, Quartiles, entity_scores, evaluate,
};
pub use file_hashes::FileHashes;
pub use fingerprint::Fingerprint;
pub use ia3_data::{Example, MAX_INPUT_TOKENS, Span, Target, TokenPair};
pub use loss_config::{CausalLoss, LossConfig, Unlikelihood};
pub use multi_task::AdapterTask;
pub use objective::{Loss, choice_loss, loss};
pub use optimizer::OptimizerConfig;
pub use ranks::{Alone, Communicator};
#[cfg(feature = "mpi")]
pub use ranks::{Mpi, MpiError};
pub use schedule::Schedule;
pub use state::TrainState;
pub use train_config::TrainConfig;
pub use train_report::{StepReport, TrainReport};
pub use trainer::{Steps, Trainer};
pub use training::{Training, train};
