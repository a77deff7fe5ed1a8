use burn::tensor::Tensor;

/// The result of a traced forward, with Hugging Face's names; each state is `[batch, seq, d_model]`.
///
/// A stack's states are its embeddings and each block's output, the last one after the final norm where there is one.
#[derive(Clone, Debug)]
pub struct ModelOutput {
    /// `[batch, seq, vocab]`, of the decoder where there is one; `[batch, 1, num_labels]` of a sequence classifier.
    pub logits: Tensor<3>,
    /// States of a model with one stack.
    pub hidden_states: Vec<Tensor<3>>,
    /// States of an encoder-decoder's encoder.
    pub encoder_hidden_states: Vec<Tensor<3>>,
    /// States of an encoder-decoder's decoder.
    pub decoder_hidden_states: Vec<Tensor<3>>,
}

impl ModelOutput {
    /// Logits without states.
    pub(crate) fn new(logits: Tensor<3>) -> Self {
        Self { logits, hidden_states: vec![], encoder_hidden_states: vec![], decoder_hidden_states: vec![] }
    }
}

/// Where a forward stores its hidden states, if they are requested.
#[derive(Default)]
pub(crate) struct Trace<'a>(Option<&'a mut Vec<Tensor<3>>>);

impl<'a> Trace<'a> {
    /// Into `states`, or nowhere.
    pub(crate) fn into(states: Option<&'a mut Vec<Tensor<3>>>) -> Self {
        Self(states)
    }

    pub(crate) fn push(&mut self, x: &Tensor<3>) {
        if let Some(states) = &mut self.0 {
            states.push(x.clone());
        }
    }
}
