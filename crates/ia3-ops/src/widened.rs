use burn::tensor::{DType, Tensor};

/// The same values in float32, if they are in half precision and `like`, the dtype of what they are combined with, is float32.
pub(crate) fn widened<const D: usize>(x: Tensor<D>, like: DType) -> Tensor<D> {
    match (x.dtype(), like) {
        (DType::F16 | DType::BF16, DType::F32) => x.cast(DType::F32),
        _ => x,
    }
}
