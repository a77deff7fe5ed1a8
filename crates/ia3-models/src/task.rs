/// The task of a model. It determines the form of inputs and labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// An encoder-decoder, which turns text into text.
    Seq2SeqLm,
    /// A decoder, which predicts the next token.
    CausalLm,
    /// A classifier of whole sequences, or a regression.
    SequenceClassification,
    /// A classifier of each token.
    TokenClassification,
    /// It marks the span of a text that answers a question.
    QuestionAnswering,
    /// It returns the hidden states of the tokens.
    FeatureExtraction,
}

impl Task {
    /// The tasks of a model that is an encoder with a head.
    pub const OF_ENCODERS: [Self; 4] = [
        Self::SequenceClassification,
        Self::TokenClassification,
        Self::QuestionAnswering,
        Self::FeatureExtraction,
    ];

    /// The task of an encoder with the head of the class `name` of transformers, such as `BertForTokenClassification`. It is
    /// `None` for heads of pre-training, such as `BertForMaskedLM`.
    pub fn of_architecture(name: &str) -> Option<Self> {
        let (_, head) = match name.split_once("For") {
            Some(parts) => parts,
            None => return name.ends_with("Model").then_some(Self::FeatureExtraction),
        };
        match head {
            "SequenceClassification" => Some(Self::SequenceClassification),
            "TokenClassification" => Some(Self::TokenClassification),
            "QuestionAnswering" => Some(Self::QuestionAnswering),
            _ => None,
        }
    }

    /// Whether the model has logits for each token, or hidden states; a classifier of sequences has one row of them.
    pub fn by_token(self) -> bool {
        self != Self::SequenceClassification
    }

    /// Whether the model is a language model, whose answers are texts.
    pub fn is_language_model(self) -> bool {
        matches!(self, Self::Seq2SeqLm | Self::CausalLm)
    }
}
