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
}
