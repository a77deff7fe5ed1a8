use ia3_models::ModelError;

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
        /// `input` or `target`.
        field: &'static str,
    },
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
    /// The model refuses an input.
    #[error(transparent)]
    Model(#[from] ModelError),
}
