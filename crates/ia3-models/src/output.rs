use burn::tensor::Tensor;

/// What a traced forward returns, under Hugging Face's names; each state `[batch, seq, d_model]`.
///
/// A stack's states are its embeddings and each block's output, the last one after the final norm.
#[derive(Clone, Debug)]
pub struct ModelOutput {
    /// `[batch, seq, vocab]`, of the decoder where there is one.
    pub logits: Tensor<3>,
    /// States of a model with one stack.
    pub hidden_states: Vec<Tensor<3>>,
    /// States of an encoder-decoder's encoder.
    pub encoder_hidden_states: Vec<Tensor<3>>,
    /// States of an encoder-decoder's decoder.
    pub decoder_hidden_states: Vec<Tensor<3>>,
}
