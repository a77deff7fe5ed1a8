//! Losses of hidden states, whose logits are computed for some labels at a time.

use burn::module::Module;
use burn::nn::{Embedding, Linear};
use burn::tensor::{DType, Int, Tensor};
use ia3_core::{is_by_row, visit_params};
use ia3_ops::{nll_and_classes_by_blocks, nll_by_blocks};

use crate::loss::{RowLosses, TokenPredictions, full, label_log_likelihoods, losses_of_rows};

/// A head, or its last layers, which turns states `[batch, seq, d]` into logits `[batch, seq, vocab]`.
pub(crate) struct Projection<'a> {
    pub(crate) project: &'a dyn Fn(Tensor<3>) -> Tensor<3>,
    /// Whether it computes every position for itself, and nothing in it is trained.
    pub(crate) is_fixed: bool,
    pub(crate) vocab_size: usize,
}

/// The losses of labels `[batch, seq]` for states `[batch, seq, d]`; see [`state_log_likelihoods`].
pub(crate) fn state_losses(x: Tensor<3>, labels: Tensor<2, Int>, head: &Projection) -> RowLosses {
    losses_of_rows(state_log_likelihoods(x, labels.clone(), head), labels)
}

/// [`label_log_likelihoods`] of the logits of states `[batch, seq, d]`.
///
/// A head that is fixed is computed for some labels at a time, and not at all where there is none. One that an adapter scales or
/// replaces, and one of states in half precision, is computed for all positions at once, because its own gradients need all of them
/// or because the order of rounding matters.
pub(crate) fn state_log_likelihoods(x: Tensor<3>, labels: Tensor<2, Int>, head: &Projection) -> Tensor<2> {
    if !head.has_blocks(&x) {
        return label_log_likelihoods((head.project)(x), labels);
    }
    let [batch, seq, d] = x.dims();
    let (x, labels) = (x.reshape([batch * seq, d]), labels.reshape([batch * seq]));
    let losses = nll_by_blocks(x, labels, head.vocab_size, |rows| head.logits(rows));
    losses.neg().reshape([batch, seq])
}

/// The losses of labels `[batch, seq]` for states `[batch, seq, d]`, and the most likely class at each of them. The head is computed
/// as by [`state_log_likelihoods`].
pub(crate) fn state_predictions(x: Tensor<3>, labels: Tensor<2, Int>, head: &Projection) -> TokenPredictions {
    if !head.has_blocks(&x) {
        return TokenPredictions::of((head.project)(x), labels);
    }
    let [batch, seq, d] = x.dims();
    let (x, flat) = (x.reshape([batch * seq, d]), labels.clone().reshape([batch * seq]));
    let (losses, classes) = nll_and_classes_by_blocks(x, flat, head.vocab_size, |rows| head.logits(rows));
    TokenPredictions {
        losses: losses_of_rows(losses.neg().reshape([batch, seq]), labels),
        classes: classes.reshape([batch, seq]),
    }
}

impl Projection<'_> {
    /// Whether the logits of states `x` may be computed for some positions at a time.
    fn has_blocks(&self, x: &Tensor<3>) -> bool {
        self.is_fixed && x.dtype() == DType::F32
    }

    /// The logits `[count, vocab]` of states `[count, d]` in float32.
    fn logits(&self, rows: Tensor<2>) -> Tensor<2> {
        let [count, d] = rows.dims();
        let logits = (self.project)(rows.reshape([1, count, d]));
        let [_, _, vocab] = logits.dims();
        full(logits.reshape([count, vocab]))
    }
}

/// Whether [`logits`](crate::layers::logits) of this head computes each position for itself, and nothing in it is trained: it carries
/// no vectors, and an adapter has no copy of it.
pub(crate) fn is_fixed(head: &Option<Linear>, embedding: &Embedding) -> bool {
    match head {
        Some(head) => is_untouched(head) && !is_by_row(&head.weight),
        None => is_untouched(embedding) && !is_by_row(&embedding.weight),
    }
}

/// Whether no parameter of a module is trained or carries what an adapter attaches.
pub(crate) fn is_untouched(module: &impl Module) -> bool {
    let mut untouched = true;
    visit_params(module, |path, param| {
        untouched &= !path.inside_reparameterization() && !param.requires_grad();
    });
    untouched
}
