use burn::tensor::{Tensor, activation};

#[cfg(feature = "flex")]
use {crate::on_flex, crate::widened::in_float32, ia3_kernels::activation::Activation};

/// `x·Φ(x)`, where Φ is the normal distribution (arXiv 1606.08415).
///
/// # Shapes
///
/// - `x`: any; returns the same shape and dtype.
///
/// ```
/// use burn::tensor::{Device, Tensor};
///
/// let y = ia3_ops::gelu(Tensor::<1>::from_floats([0.0, 1.0], &Device::flex()));
/// assert!((y.into_data().to_vec::<f32>().unwrap()[1] - 0.841_345).abs() < 1e-6);
/// ```
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if let Some(y) = fast(&x, Activation::Gelu) {
        return y;
    }
    // The gradient of burn 0.22's own gelu is that of the tanh approximation.
    let cdf = (x.clone() * std::f64::consts::FRAC_1_SQRT_2).erf() + 1.0;
    x * (cdf * 0.5)
}

/// `x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³)))`, the approximation of [`gelu`] that GPT-2 uses.
///
/// # Shapes
///
/// - `x`: any; returns the same shape and dtype.
pub fn gelu_tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if let Some(y) = fast(&x, Activation::GeluTanh) {
        return y;
    }
    activation::gelu_approximate(x)
}

/// `x·σ(x)`.
///
/// # Shapes
///
/// - `x`: any; returns the same shape and dtype.
pub fn silu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if let Some(y) = fast(&x, Activation::Silu) {
        return y;
    }
    activation::silu(x)
}

/// `max(x, 0)`, whose derivative at 0 is 0; NaN stays NaN.
///
/// # Shapes
///
/// - `x`: any; returns the same shape and dtype.
pub fn relu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if let Some(y) = fast(&x, Activation::Relu) {
        return y;
    }
    activation::relu(x)
}

#[cfg(feature = "flex")]
fn fast<const D: usize>(x: &Tensor<D>, op: Activation) -> Option<Tensor<D>> {
    use crate::flex::FastOps;
    let apply =
        |x: Tensor<D>| Tensor::from_dispatch(burn::backend::Dispatch::fast_activation(x.into_dispatch(), op));
    if on_flex(x) { Some(apply(x.clone())) } else { in_float32(x, apply) }
}
