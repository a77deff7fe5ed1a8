//! Tensors of `flex`.

use burn::backend::{Flex, TensorMetadata, tensor::FloatTensor};
use burn::tensor::TensorData;

/// A tensor of `flex`.
pub(crate) type Primitive = FloatTensor<Flex>;

/// The tensor in row-major order from the first element of its memory on. A tensor that lies so already is not copied.
pub(crate) fn contiguous(x: Primitive) -> Primitive {
    // `x` is consumed, so that the caller may be the only owner of the memory and change it in place.
    x.to_contiguous()
}

/// The tensor with contiguous elements along the last axis.
pub(crate) fn rows_contiguous(x: Primitive) -> Primitive {
    match x.layout().strides().last() {
        Some(1) => x,
        _ => contiguous(x),
    }
}

/// Elements along the last axis.
pub(crate) fn last_dim(x: &Primitive) -> usize {
    *x.shape().last().expect("a tensor has an axis")
}

pub(crate) fn new(values: Vec<f32>, dims: Vec<usize>) -> Primitive {
    Primitive::from_data(TensorData::new(values, dims))
}
