#[cfg(feature = "flex")]
use burn::tensor::DType;
use burn::tensor::{Tensor, module};

use crate::widened::widened;

/// `x·w + b`, as burn's `linear` computes it for matrices.
///
/// On `flex` a product with a few rows, as in generation, reads each element of `w` once, in the order of the memory. The
/// backward pass transposes `w` in panels and makes no copy of it. `x` is kept only if `w` needs a gradient.
///
/// Where `x` is float32, `w` and `b` may be in half precision: their values are widened, and the product is that of float32. On
/// `flex`, elements of `w` are widened as they are read, so `w` is never in memory in float32; on other backends it is, for the
/// time of the product. Processors with AMX multiply many rows of `x` and a `w` in bfloat16 by its instructions, with `x` as the exact
/// sum of three numbers in bfloat16; the result differs from that of float32 only by the order of its sums.
///
/// Where all are bfloat16, so is the result. On `flex` its sums are float32, by instructions for bfloat16 where the processor has them.
///
/// # Shapes
///
/// - `x`: `[rows, d_in]`
/// - `w`: `[d_in, d_out]`
/// - `b`: `[d_out]`
/// - returns `[rows, d_out]`
///
/// # Panics
///
/// Panics if the shapes do not match each other.
///
/// ```
/// use burn::tensor::{Device, Tensor};
///
/// let device = Device::flex();
/// let y = ia3_ops::linear(Tensor::ones([2, 3], &device), Tensor::ones([3, 5], &device), None);
/// assert_eq!(y.into_data().to_vec::<f32>().unwrap(), [3.0; 10]);
/// ```
pub fn linear(x: Tensor<2>, w: Tensor<2>, b: Option<Tensor<1>>) -> Tensor<2> {
    let ([_, found], [d_in, d_out]) = (x.dims(), w.dims());
    assert_eq!(found, d_in, "a weight of {d_in} inputs got {found}");
    if let Some(b) = &b {
        assert_eq!(b.dims(), [d_out], "a bias for {d_out} outputs");
    }
    let b = b.map(|b| widened(b, x.dtype()));
    #[cfg(feature = "flex")]
    if x.shape().num_elements() * w.shape().num_elements() > 0
        && crate::is_flex(&x.device())
        && is_multiplied(x.dtype(), w.dtype())
        && b.as_ref().is_none_or(|b| crate::is_flex(&b.device()) && b.dtype() == x.dtype())
    {
        use crate::flex::FastOps;
        let b = b.unwrap_or_else(|| Tensor::empty([0], &x.device()));
        return Tensor::from_dispatch(burn::backend::Dispatch::fast_linear(
            x.into_dispatch(),
            w.into_dispatch(),
            b.into_dispatch(),
        ));
    }
    let w = widened(w, x.dtype());
    module::linear(x, w, b)
}

/// Whether kernels of `flex` multiply states of the first type with weights of the second.
#[cfg(feature = "flex")]
fn is_multiplied(x: DType, w: DType) -> bool {
    matches!((x, w), (DType::F32, DType::F32 | DType::BF16 | DType::F16) | (DType::BF16, DType::BF16))
}

/// `x·wᵀ`, as a head computes it that is tied to the embedding.
///
/// # Shapes
///
/// - `x`: `[rows, d]`; `w`: `[n, d]`, in half precision or not, as in [`linear`]
/// - returns `[rows, n]`
///
/// # Panics
///
/// Panics if `x` and `w` differ in width.
pub fn matmul_transposed(x: Tensor<2>, w: Tensor<2>) -> Tensor<2> {
    linear(x, w.transpose(), None)
}
