mod checkpoint;
mod example;

use ia3_guard::quote;
use ia3_models::ModelError;

pub use checkpoint::{CheckpointError, Difference};
pub use example::ExampleError;

/// What can go wrong in training or evaluation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// Something is wrong with the examples, or the model cannot be trained on them.
    #[error(transparent)]
    Example(#[from] ExampleError),
    /// Something is wrong with a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A setting has a value with which no training is possible.
    #[error("`{name}` is {found}, expected {expected}", found = quote(found))]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// Its value.
        found: String,
        /// The values that are possible.
        expected: &'static str,
    },
    /// The loss became NaN or infinite.
    #[error(
        "the loss is {loss} at step {step}; lower the learning rate, or look at the batch of examples {examples:?}"
    )]
    LossNotFinite {
        /// The step, from 1.
        step: usize,
        /// The loss.
        loss: f32,
        /// Positions of the rows of the step in the data, from 0.
        examples: Vec<usize>,
    },
    /// The gradients became NaN or infinite, although the loss is finite.
    #[error(
        "the joint norm of the gradients is {norm} at step {step}; lower the learning rate, or look at the batch of examples {examples:?}"
    )]
    GradientNotFinite {
        /// The step, from 1.
        step: usize,
        /// The norm.
        norm: f32,
        /// Positions of the rows of the step in the data, from 0.
        examples: Vec<usize>,
    },
    /// A step would have made a parameter NaN or infinite. The step was not made.
    #[error(
        "a parameter would become NaN or infinite at step {step}, whose learning rate is {learning_rate:e}; lower the rate, or look at the batch of examples {examples:?}"
    )]
    ParameterNotFinite {
        /// The step, from 1.
        step: usize,
        /// The learning rate of the step.
        learning_rate: f64,
        /// Positions of the rows of the step in the data, from 0.
        examples: Vec<usize>,
    },
    /// There are more processes than a step has micro-batches.
    #[error(
        "{ranks} ranks share the {micro_batches} micro-batches of a step, so that some have none; raise \
         `gradient_accumulation_steps` to at least {ranks} (a step has `batch_size` times as many rows), or start fewer"
    )]
    IdleRanks {
        /// Number of processes.
        ranks: usize,
        /// Micro-batches per step.
        micro_batches: usize,
    },
    /// Other ranks could not compute their share of a step. Their own errors give the reason.
    #[error("{failed} other ranks could not do their share of step {step}; their messages give the reason")]
    OtherRank {
        /// The step, from 1.
        step: usize,
        /// Number of ranks that failed.
        failed: usize,
    },
    /// Other ranks could not compute their share of an evaluation. Their own errors give the reason.
    #[error("{failed} other ranks could not do their share of an evaluation; their messages give the reason")]
    OtherRankEvaluation {
        /// Number of ranks that failed.
        failed: usize,
    },
    /// The bytes that another rank sent are not what this rank expects.
    #[error("cannot read the message of rank {rank}; start all ranks from the same version of the program")]
    RankMessage {
        /// The rank that sent them.
        rank: usize,
    },
    /// Something is wrong with one of several tasks that are trained at once.
    #[error("task {task}: {source}")]
    Task {
        /// Position of the task, from 0.
        task: usize,
        /// The error.
        source: Box<TrainError>,
    },
    /// There is no task to train.
    #[error("there are no tasks to train; give at least one adapter with its data")]
    NoTasks,
    /// The targets of two tasks that are trained at once are of different kinds.
    #[error(
        "the targets are {found}, but those of the first task are {first}; tasks that are trained at once need targets of one kind"
    )]
    MixedTasks {
        /// The kind of target of the task.
        found: &'static str,
        /// The kind of target of the first task.
        first: &'static str,
    },
    /// Two tasks of one run have the same adapter.
    #[error("two tasks train the same adapter; give each task its own copy, made with `Adapter::fork`")]
    SameAdapter,
    /// An adapter does not fit the base.
    #[error(transparent)]
    Adapter(#[from] ia3_core::AdapterError),
    /// The model refuses an input.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl TrainError {
    /// Positions of the rows in the data at which a loss, gradient or parameter stopped being finite. `None` for any other
    /// error. If several tasks are trained at once, the positions are in the data of [`task`](Self::task).
    pub fn diverged_at(&self) -> Option<&[usize]> {
        match self {
            Self::LossNotFinite { examples, .. }
            | Self::GradientNotFinite { examples, .. }
            | Self::ParameterNotFinite { examples, .. } => Some(examples),
            Self::Task { source, .. } => source.diverged_at(),
            _ => None,
        }
    }

    /// The task that the error is about, from 0, if several are trained at once.
    pub fn task(&self) -> Option<usize> {
        match self {
            Self::Task { task, .. } => Some(*task),
            _ => None,
        }
    }

    /// The same error, as one of this task.
    pub(crate) fn of_task(self, task: usize) -> Self {
        Self::Task { task, source: Box::new(self) }
    }
}
