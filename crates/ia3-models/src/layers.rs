//! Layers that are initialised as in Hugging Face. A weight takes no memory before it is first read.

use burn::module::{Param, ParamId};
use burn::nn::{Dropout, DropoutConfig, Embedding, EmbeddingConfig, Initializer, Linear, LinearConfig};
use burn::tensor::{DType, Device, Int, Tensor};
use ia3_core::{Ia3Forward, embed, embed_as};
use ia3_ops::matmul_transposed;

/// The initialiser N(0, std²).
pub(crate) fn normal(std: f64) -> Initializer {
    Initializer::Normal { mean: 0.0, std }
}

/// A linear layer with weights from N(0, std²) and a bias of zeros, if any.
pub(crate) fn linear(d_in: usize, d_out: usize, bias: bool, std: f64, device: &Device) -> Linear {
    let layer = LinearConfig::new(d_in, d_out).with_bias(false).with_initializer(normal(std)).init(device);
    Linear { bias: bias.then(|| Initializer::Zeros.init([d_out], device)), ..layer }
}

pub(crate) fn embedding(rows: usize, dim: usize, std: f64, device: &Device) -> Embedding {
    EmbeddingConfig::new(rows, dim).with_initializer(normal(std)).init(device)
}

pub(crate) fn dropout(share: f64) -> Dropout {
    DropoutConfig::new(share).init()
}

/// What `dropout` makes of `x` in training, and `x` otherwise, as its own `forward`. A block that runs again drops the same elements.
pub(crate) fn dropped<const D: usize>(dropout: &Dropout, x: Tensor<D>) -> Tensor<D> {
    match drops(dropout, &x.device()) {
        true => ia3_ops::dropout(x, dropout.prob),
        false => x,
    }
}

/// Whether `dropout` drops elements of tensors on this device.
pub(crate) fn drops(dropout: &Dropout, device: &Device) -> bool {
    dropout.prob > 0.0 && dropout.training.is_enabled() && device.is_autodiff()
}

/// A head without a bias whose weight is the transposed embedding. Both share their memory.
pub(crate) fn own_head(embedding: &Embedding) -> Linear {
    let weight = embedding.weight.val().transpose();
    Linear { weight: Param::initialized(ParamId::new(), weight), bias: None }
}

/// The rows `ids` of an embedding, `[batch, seq, d]`: in float32 with `float32_states`, otherwise in the dtype of the embedding.
pub(crate) fn states(embedding: &Embedding, ids: Tensor<2, Int>, float32_states: bool) -> Tensor<3> {
    match float32_states {
        true => embed_as(embedding, ids, DType::F32),
        false => embed(embedding, ids),
    }
}

/// Computes the logits `[batch, seq, vocab]` of hidden states `[batch, seq, d]`, with the head or, if there is none, with the
/// transposed embedding.
pub(crate) fn logits(head: &Option<Linear>, embedding: &Embedding, x: Tensor<3>) -> Tensor<3> {
    let Some(head) = head else {
        let [batch, seq, d] = x.dims();
        // The rows are folded into one matrix, so that the embedding is read once and not once per batch entry.
        let logits = matmul_transposed(x.reshape([batch * seq, d]), embedding.weight.val());
        let [_, vocab] = logits.dims();
        return logits.reshape([batch, seq, vocab]);
    };
    head.ia3_forward(x)
}
