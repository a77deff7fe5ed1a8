//! Activations.

use burn::backend::TensorMetadata;
use ia3_kernels::activation::{Activation, gradient as kernel, in_place, map};

use super::tensor::{Primitive, contiguous, new};

/// `op(x)`, in the memory of `x` if nobody else uses it.
pub(crate) fn apply(x: Primitive, op: Activation) -> Primitive {
    let mut x = contiguous(x);
    match x.try_storage_mut() {
        Some(values) => in_place(op, values),
        None => x = new(map(op, x.storage()), x.shape().to_vec()),
    }
    x
}

/// `op′(x)·g`
pub(crate) fn gradient(op: Activation, x: Primitive, g: Primitive) -> Primitive {
    let (x, g) = (contiguous(x), contiguous(g));
    new(kernel(op, x.storage(), g.storage()), x.shape().to_vec())
}
