use burn::tensor::Tensor;

/// The result of a traced forward pass, with Hugging Face's names. Each hidden state is `[batch, seq, d_model]`.
///
/// The hidden states of a stack are its embeddings and the output of each block. If there is a final norm, it is applied to the
/// last of them.
#[derive(Clone, Debug)]
pub struct ModelOutput {
    /// The logits: `[batch, seq, vocab]` of a language model, or `[batch, 1, num_labels]` of a sequence classifier. Those of an
    /// encoder-decoder are the logits of the decoder. A classifier of tokens has `[batch, seq, num_labels]`, a model that
    /// answers questions `[batch, seq, 2]` for the start and the end of the span, a masked language model `[batch, seq, vocab]`, a
    /// model that chooses `[batch, 1, choices]`, and a model without a head its last hidden
    /// states.
    pub logits: Tensor<3>,
    /// The output of the pooler `[batch, d]` of a model without a head that has one.
    pub pooler_output: Option<Tensor<2>>,
    /// The hidden states of a model with one stack.
    pub hidden_states: Vec<Tensor<3>>,
    /// The hidden states of the encoder of an encoder-decoder.
    pub encoder_hidden_states: Vec<Tensor<3>>,
    /// The hidden states of the decoder of an encoder-decoder.
    pub decoder_hidden_states: Vec<Tensor<3>>,
}

impl ModelOutput {
    /// A result with logits and without hidden states.
    pub(crate) fn new(logits: Tensor<3>) -> Self {
        Self {
            logits,
            pooler_output: None,
            hidden_states: vec![],
            encoder_hidden_states: vec![],
            decoder_hidden_states: vec![],
        }
    }
}

/// The list in which a forward pass stores its hidden states, if they are requested.
#[derive(Default)]
pub struct Trace<'a>(Option<&'a mut Vec<Tensor<3>>>);

impl<'a> Trace<'a> {
    /// A trace that stores hidden states in `states`, or does not store them.
    pub(crate) fn into(states: Option<&'a mut Vec<Tensor<3>>>) -> Self {
        Self(states)
    }

    pub(crate) fn push(&mut self, x: &Tensor<3>) {
        if let Some(states) = &mut self.0 {
            states.push(x.clone());
        }
    }
}
