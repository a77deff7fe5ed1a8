use ia3_models::Task;

/// What can be wrong with the examples of a data set, by themselves or for the model.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExampleError {
    /// There is nothing to train or evaluate on.
    #[error("there are no examples")]
    NoExamples,
    /// A row of a [`Dataset`](crate::Dataset) has no variant.
    #[error("row {index} has no example; give each row at least one variant")]
    EmptyRow {
        /// Position in the data, from 0.
        index: usize,
    },
    /// The input, the target or a choice of an example has no token.
    #[error("example {index} has an empty {field}")]
    EmptyField {
        /// Position in the data, from 0.
        index: usize,
        /// `input`, `target` or `choice`.
        field: &'static str,
    },
    /// The model reads images, and an example has none.
    #[error("example {index} has no image, which the model reads; make it with `Example::of_image`")]
    NoImage {
        /// Position in the data, from 0.
        index: usize,
    },
    /// The model reads texts, and an example has an image.
    #[error("example {index} has an image, but the model reads texts; take a model of images")]
    ImageForText {
        /// Position in the data, from 0.
        index: usize,
    },
    /// An image has another shape than those that the model reads.
    #[error(
        "the image of example {index} has the shape {found:?} (channels, height, width), but the model reads {expected:?}"
    )]
    ImageShape {
        /// Position in the data, from 0.
        index: usize,
        /// The shape.
        found: [usize; 3],
        /// The shape that the model reads.
        expected: [usize; 3],
    },
    /// The model reads sound, and an example has none.
    #[error("example {index} has no sound, which the model reads; make it with `Example::of_sound`")]
    NoSound {
        /// Position in the data, from 0.
        index: usize,
    },
    /// The model reads no sound, and an example has one.
    #[error("example {index} has a sound, but the model reads none; take a model of speech")]
    SoundForText {
        /// Position in the data, from 0.
        index: usize,
    },
    /// The features of a sound have another shape than those that the model reads.
    #[error(
        "the features of example {index} have the shape {found:?} (bins, frames), but the model reads {expected:?}"
    )]
    SoundShape {
        /// Position in the data, from 0.
        index: usize,
        /// The shape.
        found: [usize; 2],
        /// The shape that the model reads.
        expected: [usize; 2],
    },
    /// The targets of a data set are of different kinds.
    #[error(
        "the target of example {index} is {found}, but that of example 0 is {first}; a data set needs targets of one kind"
    )]
    MixedTargets {
        /// Position in the data, from 0.
        index: usize,
        /// The kind of its target.
        found: &'static str,
        /// The kind of the first example's target.
        first: &'static str,
    },
    /// The model does not produce targets of this kind.
    #[error("the target of example {index} is {found}; {}", advice(*.task))]
    TargetOfTask {
        /// Position in the data, from 0.
        index: usize,
        /// The kind of its target.
        found: &'static str,
        /// What the model computes.
        task: Task,
    },
    /// The number of the right choice is too large.
    #[error("the answer of example {index} is {answer}, but it has {choices} choices, which count from 0")]
    Answer {
        /// Position in the data, from 0.
        index: usize,
        /// The number of the right choice.
        answer: usize,
        /// Number of choices.
        choices: usize,
    },
    /// The number of the class is too large.
    #[error(
        "the class of example {index} is {class}, but the model has {labels} classes, which count from 0"
    )]
    Class {
        /// Position in the data, from 0.
        index: usize,
        /// The class.
        class: usize,
        /// Number of classes of the model.
        labels: usize,
    },
    /// A conversation does not say of each token whether it is learned.
    #[error(
        "example {index} has {ids} tokens after its input and {learned} marks of what is learned; give one mark per token"
    )]
    Turns {
        /// Position in the data, from 0.
        index: usize,
        /// Number of tokens.
        ids: usize,
        /// Number of marks.
        learned: usize,
    },
    /// A target has another number of classes or values than it needs.
    #[error("the target of example {index} has {found} values, expected {expected}")]
    TargetLength {
        /// Position in the data, from 0.
        index: usize,
        /// The number of values.
        found: usize,
        /// The number of tokens of the input, or of labels of the model.
        expected: usize,
    },
    /// An input has another number of token types than of tokens.
    #[error(
        "the input of example {index} has {found} token types for {expected} tokens; give each token a type, or none"
    )]
    TokenTypes {
        /// Position in the data, from 0.
        index: usize,
        /// The number of types.
        found: usize,
        /// The number of tokens.
        expected: usize,
    },
    /// Two examples have another number of choices.
    #[error(
        "example {index} has {found} choices, but example 0 has {first}; a data set for a model that chooses needs the same \
         number of choices in every example"
    )]
    ChoiceCount {
        /// Position in the data, from 0.
        index: usize,
        /// Its number of choices.
        found: usize,
        /// The number of choices of the first example.
        first: usize,
    },
    /// A span is none of tokens of its input.
    #[error("the span of example {index} is {start} to {end}, but its input has the tokens 0 to {}", tokens - 1)]
    Span {
        /// Position in the data, from 0.
        index: usize,
        /// The first token.
        start: usize,
        /// The last token.
        end: usize,
        /// The number of tokens of the input.
        tokens: usize,
    },
    /// A value of a target is NaN or infinite.
    #[error("the target of example {index} has a value that is not finite")]
    ValueNotFinite {
        /// Position in the data, from 0.
        index: usize,
    },
    /// The classifier has one label, which Hugging Face's models take as a regression.
    #[error(
        "the model has one label, which is a regression; classes need `num_labels` of at least 2 in config.json"
    )]
    OneLabel,
}

fn advice(task: Task) -> &'static str {
    match task {
        Task::SequenceClassification => "the model is a classifier, which needs a class as the target",
        Task::TokenClassification => "the model classifies tokens, and needs a class for each of them",
        Task::QuestionAnswering => {
            "the model marks the spans of contexts that answer questions, and needs `context`, `question` and `answers`"
        }
        Task::MaskedLm => "the model predicts hidden tokens, and needs a class for each token of the input",
        Task::MultipleChoice => "the model chooses one of several inputs, and needs an input with `choices`",
        Task::FeatureExtraction => "the model has no head; give it one to train it",
        Task::SpeechSeq2Seq => "the model writes what is said in a sound, and needs a text as the target",
        Task::Seq2SeqLm | Task::CausalLm => {
            "the model is a language model, which needs texts as targets; give each class its text as a choice"
        }
    }
}
