/// The task of a model. It determines the form of inputs and labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// An encoder-decoder, which turns text into text.
    Seq2SeqLm,
    /// A decoder, which predicts the next token.
    CausalLm,
    /// A classifier of whole sequences.
    SequenceClassification,
}
