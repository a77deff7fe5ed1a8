/// The kind of a model, which decides how texts become ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelKind {
    /// An encoder-decoder. The input and the target each end with the end token.
    EncoderDecoder,
    /// A decoder without an encoder. Input and target form one row, which ends once.
    Decoder {
        /// The ids that end a text. The first one is appended to a target.
        ends: Vec<i64>,
    },
    /// A classifier of whole texts.
    Classifier,
    /// A classifier of whole texts, each of which has any number of the classes.
    MultiLabel {
        /// The number of classes.
        labels: usize,
    },
    /// A regression, which gives numbers for a whole text.
    Regression,
    /// A classifier of each word of a text.
    TokenClassifier,
    /// A model that marks the span of a context that answers a question.
    QuestionAnswerer,
    /// A model that predicts the tokens that a mask hides.
    MaskedLm,
    /// A model that chooses one of several inputs.
    MultipleChoice,
}

impl ModelKind {
    /// Whether the model reads an input of two texts: whether it classifies, or measures, the whole input.
    pub fn reads_pairs(&self) -> bool {
        matches!(self, Self::Classifier | Self::MultiLabel { .. } | Self::Regression)
    }
}
