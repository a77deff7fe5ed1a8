//! The residual stream of a float16 model, as T5 and BART of transformers compute it.

use burn::tensor::{DType, Tensor};

/// The largest float16 less 1000.
const LIMIT: f64 = 64_504.0;

/// `x + y`, in float32 where one of them is.
pub(crate) fn residual(x: Tensor<3>, y: Tensor<3>) -> Tensor<3> {
    if x.dtype() == y.dtype() {
        return x + y;
    }
    x.cast(DType::F32) + y.cast(DType::F32)
}

/// `x`, or `x` clamped to the largest float16 less 1000 where a float16 value overflowed.
pub(crate) fn clamped(x: Tensor<3>) -> Tensor<3> {
    if x.dtype() != DType::F16 {
        return x;
    }
    let overflowed = x.clone().is_inf().any().reshape([1, 1, 1]).expand(x.shape());
    x.clone().mask_where(overflowed, x.clamp(-LIMIT, LIMIT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn states(values: [f32; 3], dtype: DType) -> Tensor<3> {
        Tensor::<3>::from_data([[values]], &Device::flex()).cast(dtype)
    }

    fn values(x: Tensor<3>) -> Vec<f32> {
        x.cast(DType::F32).into_data().iter().collect()
    }

    #[test]
    fn float16_is_clamped_only_where_it_overflowed() {
        let finite = [65_504.0, -65_504.0, 1.0];
        assert_eq!(values(clamped(states(finite, DType::F16))), finite);
        let overflowed = values(clamped(states([f32::INFINITY, -65_504.0, 1.0], DType::F16)));
        assert_eq!(overflowed, [64_512.0, -64_512.0, 1.0], "64,504 is rounded to float16");
        let float = [f32::INFINITY, 1e30, 1.0];
        assert_eq!(values(clamped(states(float, DType::F32))), float);
    }

    #[test]
    fn a_sum_with_float32_is_float32() {
        let (x, y) = (states([1.0, 2.0, 3.0], DType::F16), states([1e6, 0.0, 1.0], DType::F32));
        let sum = residual(x.clone(), y);
        assert_eq!((sum.dtype(), values(sum)), (DType::F32, vec![1e6 + 1.0, 2.0, 4.0]));
        assert_eq!(residual(x.clone(), x).dtype(), DType::F16);
    }
}
