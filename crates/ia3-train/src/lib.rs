#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod checkpoints;
mod clip;
mod data;
mod dataset;
mod epoch;
mod error;
mod evaluate;
mod feed;
mod finite;
mod kind;
mod learner;
mod lock;
mod many;
mod objective;
mod optimizer;
mod order;
mod presets;
mod ranks;
mod schedule;
mod state;
mod train;
mod trainer;

pub use checkpoints::{Checkpoint, Checkpoints, Fingerprint};
pub use clip::clip_grad_norm;
pub use data::{Batch, collate};
pub use dataset::Dataset;
pub use epoch::EpochPlan;
pub use error::{Difference, TrainError};
pub use evaluate::{Evaluation, MeanScores, Quartiles, evaluate, evaluate_by_ranks, evaluate_with};
pub use ia3_data::{Example, MAX_INPUT_TOKENS, Target};
pub use lock::TrainLock;
pub use many::{AdapterTask, train_many};
pub use objective::{CausalLoss, Loss, LossConfig, Unlikelihood, choice_loss, loss};
pub use optimizer::OptimizerConfig;
pub use ranks::{Alone, Communicator};
#[cfg(feature = "mpi")]
pub use ranks::{Mpi, MpiError};
pub use schedule::Schedule;
pub use state::TrainState;
pub use train::{StepReport, TrainConfig, TrainReport, train};
pub use trainer::Trainer;
