//! Softmax over the last axis.

use ia3_kernels::softmax;

use super::tensor::{Primitive, contiguous, last_dim};

pub(crate) fn apply(x: Primitive) -> Primitive {
    let mut x = contiguous(x);
    let width = last_dim(&x);
    softmax::rows(x.storage_mut(), width);
    x
}

/// The gradient of the scores from the softmax `y` and its gradient `g`.
pub(crate) fn gradient(y: Primitive, g: Primitive) -> Primitive {
    let (y, mut g) = (contiguous(y), contiguous(g));
    let width = last_dim(&y);
    softmax::gradient(g.storage_mut(), y.storage(), width);
    g
}
