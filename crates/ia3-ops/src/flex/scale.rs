//! Rows times vectors.

use burn::backend::TensorMetadata;
use ia3_kernels::scale::Factors;

use super::tensor::{Primitive, contiguous, last_dim, new};

/// `x ⊙ l`, in the memory of `x` if nobody else uses it.
pub(crate) fn apply(x: Primitive, l: Primitive) -> Primitive {
    let (mut x, l) = (contiguous(x), contiguous(l));
    let factors = factors(&x, &l);
    match x.try_storage_mut() {
        Some(values) => factors.scale(values),
        None => x = new(factors.times(x.storage()), x.shape().to_vec()),
    }
    x
}

/// The gradient of `l` from that of the result, `g`.
pub(crate) fn gradient_of_factors(x: Primitive, l: &Primitive, g: &Primitive) -> Primitive {
    let (x, l, g) = (contiguous(x), contiguous(l.clone()), contiguous(g.clone()));
    let factors = factors(&g, &l);
    new(factors.gradient(x.storage(), g.storage()), l.shape().to_vec())
}

fn factors<'a>(x: &Primitive, l: &'a Primitive) -> Factors<'a> {
    let rows = x.shape().num_elements() / l.shape().num_elements().max(1);
    Factors::new(l.storage(), last_dim(l), rows)
}
