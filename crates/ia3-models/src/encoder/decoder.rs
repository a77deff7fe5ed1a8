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
    /// The bias, `[vocab]`.
    pub(super) bias: Param<Tensor<1>>,
}

impl TokenDecoder {
    /// A layer of `vocab` tokens that has the weight of the embedding at the path `embedding`.
    pub(crate) fn new(embedding: &'static str, vocab: usize, device: &Device) -> Self {
        Self { weight: Tied::to(embedding), bias: Initializer::Zeros.init([vocab], device) }
    }

    /// Computes the logits `[batch, seq, vocab]` of states `[batch, seq, width]`.
    pub(super) fn forward(&self, x: Tensor<3>, embedding: &Embedding) -> Tensor<3> {
        let bias = self.bias.val();
        let x = match &*self.weight {
            Some(own) => own.ia3_forward(x),
            None => logits(&None, embedding, x),
        };
        let bias = bias.cast(x.dtype());
        x + bias.unsqueeze::<3>()
    }
}
