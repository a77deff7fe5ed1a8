//! Tensors of `flex`.

use burn::backend::ops::FloatTensorOps;
use burn::backend::{Flex, TensorMetadata, tensor::FloatTensor};
use burn::tensor::{DType, FloatDType, TensorData};

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

/// The tensor in float32, in row-major order.
pub(crate) fn floats_of(x: Primitive) -> Primitive {
    match x.dtype() {
        DType::F32 => contiguous(x),
        _ => contiguous(Flex::float_cast(x, FloatDType::F32)),
    }
}

/// Values in the type of another tensor.
pub(crate) fn in_type(values: Vec<f32>, dims: Vec<usize>, dtype: DType) -> Primitive {
    let values = new(values, dims);
    match dtype {
        DType::BF16 => Flex::float_cast(values, FloatDType::BF16),
        DType::F16 => Flex::float_cast(values, FloatDType::F16),
        _ => values,
    }
}

/// Elements along the last axis.
pub(crate) fn last_dim(x: &Primitive) -> usize {
    *x.shape().last().expect("a tensor has an axis")
}

pub(crate) fn new(values: Vec<f32>, dims: Vec<usize>) -> Primitive {
    Primitive::from_data(TensorData::new(values, dims))
}
