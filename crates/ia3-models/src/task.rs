/// The task of a model. It determines the form of inputs and labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// An encoder-decoder, which turns text into text.
    Seq2SeqLm,
    /// An encoder-decoder, which writes what is said in sound.
    SpeechSeq2Seq,
    /// A decoder, which predicts the next token.
    CausalLm,
    /// A classifier of whole sequences or of images, or a regression.
    SequenceClassification,
    /// A classifier of each token.
    TokenClassification,
    /// It marks the span of a text that answers a question.
    QuestionAnswering,
    /// It predicts the tokens that a mask hides.
    MaskedLm,
    /// It chooses one of several inputs.
    MultipleChoice,
    /// It returns the hidden states of the tokens, or of the patches of an image.
    FeatureExtraction,
}

impl Task {
    /// The tasks of a model that is an encoder with a head.
    pub const OF_ENCODERS: [Self; 6] = [
        Self::SequenceClassification,
        Self::TokenClassification,
        Self::QuestionAnswering,
        Self::MaskedLm,
        Self::MultipleChoice,
        Self::FeatureExtraction,
    ];

    /// The task of an encoder with the head of the class `name` of transformers, such as `BertForTokenClassification`. It is
    /// `None` for the heads of other pre-trainings, such as `BertForPreTraining`.
    pub fn of_architecture(name: &str) -> Option<Self> {
        let (_, head) = match name.split_once("For") {
            Some(parts) => parts,
            None => return name.ends_with("Model").then_some(Self::FeatureExtraction),
        };
        match head {
            "SequenceClassification" | "ImageClassification" => Some(Self::SequenceClassification),
            "TokenClassification" => Some(Self::TokenClassification),
            "QuestionAnswering" => Some(Self::QuestionAnswering),
            "MaskedLM" => Some(Self::MaskedLm),
            "MultipleChoice" => Some(Self::MultipleChoice),
            _ => None,
        }
    }

    /// Whether the model has logits for each token, or hidden states; a classifier of sequences and a model that chooses have one
    /// row of them.
    pub fn by_token(self) -> bool {
        !matches!(self, Self::SequenceClassification | Self::MultipleChoice)
    }

    /// Whether the model is an encoder and a decoder that writes texts.
    pub fn is_encoder_decoder(self) -> bool {
        matches!(self, Self::Seq2SeqLm | Self::SpeechSeq2Seq)
    }

    /// Whether the model writes texts.
    pub fn writes_texts(self) -> bool {
        self.is_encoder_decoder() || self == Self::CausalLm
    }

    /// Whether the model is a language model, which answers texts with texts.
    pub fn is_language_model(self) -> bool {
        matches!(self, Self::Seq2SeqLm | Self::CausalLm)
    }
}
