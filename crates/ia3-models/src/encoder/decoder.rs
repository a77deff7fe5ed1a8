use burn::module::Param;
use burn::nn::{Embedding, Initializer, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::{Ia3Forward, Tied};

use crate::layers::logits;

/// The last layer of a masked language model: the transposed embedding of tokens with a bias of its own. transformers ties the
/// weight of its `decoder` to the embedding, and keeps the bias under another name than that of the layer, or under the same.
#[derive(Clone, Debug)]
pub(crate) struct TokenDecoder {
    /// The layer, where an adapter has replaced the embedding.
    pub(super) weight: Tied<Linear>,
    /// The bias, `[vocab]`, if there is one.
    pub(super) bias: Option<Param<Tensor<1>>>,
}

impl TokenDecoder {
    /// A layer of `vocab` tokens that has the weight of the embedding at the path `embedding`.
    pub(crate) fn new(embedding: &'static str, vocab: usize, device: &Device) -> Self {
        Self { weight: Tied::to(embedding), bias: Some(Initializer::Zeros.init([vocab], device)) }
    }

    /// The same layer with the weight `own` instead of that of the embedding.
    pub(crate) fn with_own(self, own: Linear) -> Self {
        Self { weight: Tied::absent().with_own(Some(own)), ..self }
    }

    /// The same layer without a bias.
    pub(crate) fn without_bias(self) -> Self {
        Self { bias: None, ..self }
    }

    /// Computes the logits `[batch, seq, vocab]` of states `[batch, seq, width]`. Every model with this layer has an embedding.
    pub(super) fn forward(&self, x: Tensor<3>, embedding: Option<&Embedding>) -> Tensor<3> {
        let x = match (&*self.weight, embedding) {
            (Some(own), _) => own.ia3_forward(x),
            (None, Some(embedding)) => logits(&None, embedding, x),
            (None, None) => x,
        };
        match &self.bias {
            Some(bias) => x.clone() + bias.val().cast(x.dtype()).unsqueeze::<3>(),
            None => x,
        }
    }
}
