#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod clip;
mod data;
mod error;
mod evaluate;
mod optimizer;
mod order;
mod schedule;
mod train;

pub use clip::clip_grad_norm;
pub use data::{Batch, collate};
pub use error::TrainError;
pub use evaluate::{Evaluation, evaluate};
pub use ia3_data::{Example, Target};
pub use optimizer::OptimizerConfig;
pub use schedule::Schedule;
pub use train::{StepReport, TrainConfig, TrainReport, train};
