//! Rows times vectors.

use burn::backend::ops::FloatTensorOps;
use burn::backend::{Flex, TensorMetadata};
use ia3_kernels::scale::Factors;
use ia3_kernels::scale_rows;

use super::tensor::{Primitive, contiguous, last_dim, new};

/// `x ⊙ l`, in the memory of `x` if nobody else uses it.
pub(crate) fn apply(x: Primitive, l: Primitive) -> Primitive {
    if is_transposed(&x) && l.shape()[0] == 1 {
        return of_columns(x, l);
    }
    let (mut x, l) = (contiguous(x), contiguous(l));
    let factors = factors(&x, &l);
    match x.try_storage_mut() {
        Some(values) => factors.scale(values),
        None => x = new(factors.times(x.storage()), x.shape().to_vec()),
    }
    x
}

/// Whether `x` is a matrix whose columns are rows in memory, as a weight is that was read with its outputs first.
fn is_transposed(x: &Primitive) -> bool {
    x.shape().num_dims() == 2 && !x.layout().is_contiguous() && transposed(x.clone()).layout().is_contiguous()
}

fn transposed(x: Primitive) -> Primitive {
    Flex::float_swap_dims(x, 0, 1)
}

/// The columns of `x` times the numbers of `l`, where each column is a row in memory. It stays one.
fn of_columns(x: Primitive, l: Primitive) -> Primitive {
    let (mut rows, l) = (contiguous(transposed(x)), contiguous(l));
    match rows.try_storage_mut() {
        Some(values) => scale_rows::scale(values, l.storage()),
        None => rows = new(scale_rows::times(rows.storage(), l.storage()), rows.shape().to_vec()),
    }
    transposed(rows)
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
