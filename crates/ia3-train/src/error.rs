use ia3_models::{ModelError, Task};

/// What can go wrong in training or evaluation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// There is nothing to train or evaluate on.
    #[error("there are no examples")]
    NoExamples,
    /// An example has no input or no target token.
    #[error("example {index} has an empty {field}")]
    EmptyExample {
        /// Position in the data, from 0.
        index: usize,
        /// `input`, `target` or `choice`.
        field: &'static str,
    },
    /// The targets of a data set are of different kinds.
    #[error(
        "the target of example {index} is {found}, that of example 0 {first}; one data set has one kind of target"
    )]
    MixedTargets {
        /// Position in the data, from 0.
        index: usize,
        /// What its target is.
        found: &'static str,
        /// What the first example's is.
        first: &'static str,
    },
    /// The model has no answer of this kind.
    #[error("the target of example {index} is {found}; {}", advice(*.task))]
    TargetOfTask {
        /// Position in the data, from 0.
        index: usize,
        /// What its target is.
        found: &'static str,
        /// What the model computes.
        task: Task,
    },
    /// The right choice is not among the choices.
    #[error("the answer of example {index} is {answer}, but it has {choices} choices, which count from 0")]
    Answer {
        /// Position in the data, from 0.
        index: usize,
        /// The answer.
        answer: usize,
        /// How many choices there are.
        choices: usize,
    },
    /// The classifier has no such class.
    #[error(
        "the class of example {index} is {class}, but the model has {labels} classes, which count from 0"
    )]
    Class {
        /// Position in the data, from 0.
        index: usize,
        /// The class.
        class: usize,
        /// How many classes there are.
        labels: usize,
    },
    /// The classifier has one label.
    #[error(
        "the model has one label, which is a regression; classes need `num_labels` of at least 2 in config.json"
    )]
    OneLabel,
    /// A setting that no training can have.
    #[error("`{name}` is {found}, expected {expected}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// Its value.
        found: String,
        /// What it could be.
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
        /// Positions of the batch's examples in the data.
        examples: Vec<usize>,
    },
    /// The gradients became NaN or infinite, though the loss is not.
    #[error(
        "the joint norm of the gradients is {norm} at step {step}; lower the learning rate, or look at the batch of examples {examples:?}"
    )]
    GradientNotFinite {
        /// The step, from 1.
        step: usize,
        /// The norm.
        norm: f32,
        /// Positions of the step's rows in the data.
        examples: Vec<usize>,
    },
    /// A step would have made a parameter NaN or infinite.
    #[error(
        "a parameter would become NaN or infinite at step {step}, whose learning rate is {learning_rate:e}; lower the rate, or look at the batch of examples {examples:?}"
    )]
    ParameterNotFinite {
        /// The step, from 1; it was not done.
        step: usize,
        /// Its learning rate.
        learning_rate: f64,
        /// Positions of the step's rows in the data.
        examples: Vec<usize>,
    },
    /// More processes train together than a step has micro-batches.
    #[error(
        "{ranks} ranks share the {micro_batches} micro-batches of a step, so that some have none; raise \
         `gradient_accumulation_steps` to at least {ranks} (a step has `batch_size` times as many rows), or start fewer"
    )]
    IdleRanks {
        /// How many processes there are.
        ranks: usize,
        /// Micro-batches a step.
        micro_batches: usize,
    },
    /// Another rank could not do its share of a step, and says why.
    #[error("{failed} other ranks could not do their share of step {step}; their messages say why")]
    OtherRank {
        /// The step, from 1.
        step: usize,
        /// How many could not.
        failed: usize,
    },
    /// Another rank could not do its share of an evaluation, and says why.
    #[error("{failed} other ranks could not do their share of an evaluation; their messages say why")]
    OtherRankEvaluation {
        /// How many could not.
        failed: usize,
    },
    /// Another process trains in the same folder.
    #[error("another process is training in `{}`; wait for it, or write to another folder", path.display())]
    InUse {
        /// The folder of checkpoints.
        path: std::path::PathBuf,
    },
    /// A row of a [`Dataset`](crate::Dataset) has no example.
    #[error("row {index} has no example; give each row at least one variant")]
    EmptyRow {
        /// Position in the data, from 0.
        index: usize,
    },
    /// The state of a training cannot be written or taken up.
    #[error(
        "the state of the training does not fit: {reason}; go on with the model and settings it was made with, or start anew"
    )]
    State {
        /// What does not fit.
        reason: String,
    },
    /// A checkpoint cannot be written or read.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Checkpoint {
        /// What was tried, a verb.
        action: &'static str,
        /// The file or folder.
        path: std::path::PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A checkpoint belongs to another training.
    #[error("`{}` was made with {}; give the same again, or start anew", path.display(), list(differences))]
    OtherRun {
        /// The checkpoint.
        path: std::path::PathBuf,
        /// All that differs; at least one thing.
        differences: Vec<Difference>,
    },
    /// Something is wrong with one of several tasks that train together.
    #[error("task {task}: {source}")]
    Task {
        /// Position of the task, from 0.
        task: usize,
        /// What.
        source: Box<TrainError>,
    },
    /// The targets of two tasks that train together are of different kinds.
    #[error(
        "the targets are {found}, those of the first task {first}; tasks that train together have one kind of target"
    )]
    MixedTasks {
        /// What its targets are.
        found: &'static str,
        /// What the first task's are.
        first: &'static str,
    },
    /// Two tasks of one run have the same adapter.
    #[error("two tasks train the same adapter; give each its own, with `Adapter::fork`")]
    SameAdapter,
    /// An adapter does not fit the base.
    #[error(transparent)]
    Adapter(#[from] ia3_core::AdapterError),
    /// The model refuses an input.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl TrainError {
    /// Positions of the rows in the data (that of the [`task`](Self::task), where there are several) at which numbers that are not finite ended a training.
    pub fn diverged_at(&self) -> Option<&[usize]> {
        match self {
            Self::LossNotFinite { examples, .. }
            | Self::GradientNotFinite { examples, .. }
            | Self::ParameterNotFinite { examples, .. } => Some(examples),
            Self::Task { source, .. } => source.diverged_at(),
            _ => None,
        }
    }

    /// Which of several tasks it is about, from 0.
    pub fn task(&self) -> Option<usize> {
        match self {
            Self::Task { task, .. } => Some(*task),
            _ => None,
        }
    }

    /// The same, of one of several tasks.
    pub(crate) fn of_task(self, task: usize) -> Self {
        Self::Task { task, source: Box::new(self) }
    }
}

/// A setting in which a checkpoint and a training differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which.
    pub name: String,
    /// What it was, as the checkpoint says; `absent` where it says nothing.
    pub found: String,
    /// What it is now.
    pub expected: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "another {}: {}, now {}", self.name, self.found, self.expected)
    }
}

fn list(differences: &[Difference]) -> String {
    differences.iter().map(Difference::to_string).collect::<Vec<_>>().join("; ")
}

fn advice(task: Task) -> &'static str {
    match task {
        Task::SequenceClassification => "the model is a classifier, which takes classes",
        Task::Seq2SeqLm | Task::CausalLm => {
            "the model is a language model, which takes texts; give each class its text as a choice"
        }
    }
}
