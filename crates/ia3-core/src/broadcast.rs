use burn::tensor::{DType, Tensor};

/// `x ⊙ factor` with the casts of PEFT: computed in float32, cast back to `x`'s dtype.
pub(crate) fn times<const D: usize>(x: Tensor<D>, factor: Option<Tensor<D>>) -> Tensor<D> {
    match factor {
        None => x,
        Some(factor) => multiply(x, factor),
    }
}

/// `x ⊙ l` along the last axis, with PEFT's casts: computed in float32, cast back to `x`'s dtype.
pub(crate) fn scale_last<const D: usize>(x: Tensor<D>, l: Option<Tensor<1>>) -> Tensor<D> {
    scale_axis(x, l, D - 1)
}

/// As [`scale_last`], along any axis.
pub(crate) fn scale_axis<const D: usize>(x: Tensor<D>, l: Option<Tensor<1>>, axis: usize) -> Tensor<D> {
    match l {
        None => x,
        Some(l) => multiply(x, along(l, axis)),
    }
}

/// `l` along one axis, to be broadcast over the others.
pub(crate) fn along<const D: usize>(l: Tensor<1>, axis: usize) -> Tensor<D> {
    let mut shape = [1; D];
    shape[axis] = l.dims()[0];
    l.reshape(shape)
}

/// `x ⊙ l`, computed in float32 and cast back to the dtype of `x`.
pub(crate) fn multiply<const D: usize>(x: Tensor<D>, l: Tensor<D>) -> Tensor<D> {
    match x.dtype() {
        DType::F32 => ia3_ops::scale(x, l),
        dtype => (x.cast(DType::F32) * l).cast(dtype),
    }
}
