#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod clip;
mod data;
mod error;
mod evaluate;
mod kind;
mod many;
mod objective;
mod optimizer;
mod order;
mod presets;
mod schedule;
mod train;

pub use clip::clip_grad_norm;
pub use data::{Batch, collate};
pub use error::TrainError;
pub use evaluate::{Evaluation, MeanScores, evaluate, evaluate_with};
pub use ia3_data::{Example, Target};
pub use many::{AdapterTask, ManyStepReport, train_many};
pub use objective::{CausalLoss, Loss, LossConfig, Unlikelihood, choice_loss, loss};
pub use optimizer::OptimizerConfig;
pub use presets::MAX_INPUT_TOKENS;
pub use schedule::Schedule;
pub use train::{StepReport, TrainConfig, TrainReport, train};
