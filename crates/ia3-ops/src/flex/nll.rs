//! Negative log-likelihoods of rows of logits.

use ia3_kernels::nll;
pub(crate) use ia3_kernels::nll::Stats;

use super::tensor::{Primitive, contiguous, last_dim, new};

/// The losses `[rows]`, and what their gradient needs. The logits are contiguous.
pub(crate) fn losses(logits: &Primitive, targets: &[i64]) -> (Primitive, Vec<Stats>) {
    let (losses, stats) = nll::losses(logits.storage(), last_dim(logits), targets);
    (new(losses, vec![targets.len()]), stats)
}

/// The gradient of the logits, in their memory if nobody else uses it.
pub(crate) fn gradient(logits: Primitive, targets: &[i64], stats: &[Stats], g: Primitive) -> Primitive {
    let (mut logits, g) = (contiguous(logits), contiguous(g));
    let width = last_dim(&logits);
    nll::gradient(logits.storage_mut(), width, targets, stats, g.storage());
    logits
}
