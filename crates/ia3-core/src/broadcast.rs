use burn::tensor::{DType, Tensor};

/// Computes `x ⊙ factor` in float32 and casts the result back to the dtype of `x`, as PEFT does.
pub(crate) fn times<const D: usize>(x: Tensor<D>, factor: Option<Tensor<D>>) -> Tensor<D> {
    match factor {
        None => x,
        Some(factor) => multiply(x, factor),
    }
}

/// Computes `x ⊙ l` along the last axis in float32 and casts the result back to the dtype of `x`, as PEFT does.
pub(crate) fn scale_last<const D: usize>(x: Tensor<D>, l: Option<Tensor<1>>) -> Tensor<D> {
    scale_axis(x, l, D - 1)
}

/// Computes `x ⊙ l` along `axis`, with the casts of [`scale_last`].
pub(crate) fn scale_axis<const D: usize>(x: Tensor<D>, l: Option<Tensor<1>>, axis: usize) -> Tensor<D> {
    match l {
        None => x,
        Some(l) => multiply(x, along(l, axis)),
    }
}

/// Reshapes `l` so that it lies along one axis and is broadcast over the others.
pub(crate) fn along<const D: usize>(l: Tensor<1>, axis: usize) -> Tensor<D> {
    let mut shape = [1; D];
    shape[axis] = l.dims()[0];
    l.reshape(shape)
}

/// Computes `x ⊙ l` in float32 and casts the result back to the dtype of `x`.
pub(crate) fn multiply<const D: usize>(x: Tensor<D>, l: Tensor<D>) -> Tensor<D> {
    match x.dtype() {
        DType::F32 => ia3_ops::scale(x, l),
        dtype => (x.cast(DType::F32) * l).cast(dtype),
    }
}
