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
    /// Two tasks of one run have the same adapter.
    #[error("two tasks train the same adapter; give each its own, with `Adapter::fork`")]
    SameAdapter,
    /// An adapter does not fit the base.
    #[error(transparent)]
    Adapter(#[from] ia3_core::Ia3Error),
    /// The model refuses an input.
    #[error(transparent)]
    Model(#[from] ModelError),
}

fn advice(task: Task) -> &'static str {
    match task {
        Task::SequenceClassification => "the model is a classifier, which takes classes",
        Task::Seq2SeqLm | Task::CausalLm => {
            "the model is a language model, which takes texts; give each class its text as a choice"
        }
    }
}
