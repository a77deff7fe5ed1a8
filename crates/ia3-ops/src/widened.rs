use burn::tensor::{DType, Tensor};

/// The same values in float32, if they are in half precision and `like`, the dtype of what they are combined with, is float32.
pub(crate) fn widened<const D: usize>(x: Tensor<D>, like: DType) -> Tensor<D> {
    match (x.dtype(), like) {
        (DType::F16 | DType::BF16, DType::F32) => x.cast(DType::F32),
        _ => x,
    }
}

/// `f` of a tensor in half precision that is on `flex`, computed in float32 by a kernel and rounded once, as PyTorch computes on
/// processors; `None` for other tensors.
#[cfg(feature = "flex")]
pub(crate) fn in_float32<const D: usize>(
    x: &Tensor<D>,
    f: impl FnOnce(Tensor<D>) -> Tensor<D>,
) -> Option<Tensor<D>> {
    let dtype = x.dtype();
    let is_half = matches!(dtype, DType::BF16 | DType::F16) && crate::is_flex(&x.device());
    is_half.then(|| f(x.clone().cast(DType::F32)).cast(dtype))
}
