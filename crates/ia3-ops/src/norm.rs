use burn::tensor::{DType, Tensor, module};

use crate::widened::widened;

/// `x / √(mean x² + ε) ⊙ γ` along the last axis (arXiv 1910.07467), as burn's `RmsNorm` computes it.
///
/// `x` is normalised in float32, and the result has the dtype of `gamma`.
///
/// # Shapes
///
/// - `x`: `[.., d]`; `gamma`: `[d]`; returns the shape of `x`.
///
/// # Panics
///
/// Panics if the last axis of `x` is not as long as `gamma`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
///
/// let device = Device::flex();
/// let y = ia3_ops::rms_norm(Tensor::<2>::full([1, 4], 3.0, &device), Tensor::ones([4], &device), 0.0);
/// assert_eq!(y.into_data().to_vec::<f32>().unwrap(), [1.0; 4]);
/// ```
pub fn rms_norm<const D: usize>(x: Tensor<D>, gamma: Tensor<1>, epsilon: f64) -> Tensor<D> {
    assert_width(&x, &gamma);
    #[cfg(feature = "flex")]
    if x.shape().num_elements() > 0 && crate::on_flex(&x) && crate::on_flex(&gamma) {
        let none = Tensor::empty([0], &x.device());
        return fast(x, gamma, none, false, epsilon);
    }
    #[cfg(feature = "flex")]
    if x.shape().num_elements() > 0 && crate::is_flex(&x.device()) {
        let ones = Tensor::ones(gamma.dims(), (&x.device(), DType::F32));
        let unit = rms_norm(x.cast(DType::F32), ones, epsilon);
        return unit.cast(gamma.dtype()) * gamma.unsqueeze();
    }
    let x = x.cast(DType::F32);
    let root = (x.clone().square().mean_dim(D - 1) + epsilon).sqrt();
    (x / root).cast(gamma.dtype()) * gamma.unsqueeze()
}

/// `(x − mean x) / √(var x + ε) ⊙ γ + β` along the last axis (arXiv 1607.06450), as burn's `LayerNorm` computes it.
///
/// Half precision is computed in float32: the squares of float16 overflow from 256 on.
///
/// # Shapes
///
/// - `x`: `[.., d]`; `gamma`, `beta`: `[d]`; returns the shape of `x`.
///
/// # Panics
///
/// Panics if the last axis of `x` is not as long as `gamma`.
pub fn layer_norm<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Option<Tensor<1>>,
    epsilon: f64,
) -> Tensor<D> {
    assert_width(&x, &gamma);
    let (gamma, beta) = (widened(gamma, x.dtype()), beta.map(|beta| widened(beta, x.dtype())));
    #[cfg(feature = "flex")]
    if x.shape().num_elements() > 0
        && crate::on_flex(&x)
        && crate::on_flex(&gamma)
        && beta.as_ref().is_none_or(crate::on_flex)
    {
        let beta = beta.unwrap_or_else(|| Tensor::empty([0], &x.device()));
        return fast(x, gamma, beta, true, epsilon);
    }
    #[cfg(feature = "flex")]
    if gamma.dtype() == x.dtype() {
        let wide = |x: Tensor<1>| x.cast(DType::F32);
        let (gamma, beta) = (gamma.clone(), beta.clone());
        let norm = |x| layer_norm(x, wide(gamma), beta.map(wide), epsilon);
        if let Some(y) = crate::widened::in_float32(&x, norm) {
            return y;
        }
    }
    let dtype = x.dtype();
    fn wide<const D: usize>(x: Tensor<D>) -> Tensor<D> {
        widened(x, DType::F32)
    }
    let y = module::layer_norm(wide(x), wide(gamma), beta.map(wide), epsilon);
    y.cast(dtype)
}

fn assert_width<const D: usize>(x: &Tensor<D>, gamma: &Tensor<1>) {
    let ([width], found) = (gamma.dims(), x.dims()[D - 1]);
    assert_eq!(found, width, "a norm of {width} features got {found}");
}

#[cfg(feature = "flex")]
fn fast<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    centred: bool,
    epsilon: f64,
) -> Tensor<D> {
    use crate::flex::FastOps;
    use ia3_kernels::norm::Norm;
    let norm = Norm { centred, epsilon: epsilon as f32 };
    let [gamma, beta] = [gamma, beta].map(Tensor::into_dispatch);
    Tensor::from_dispatch(burn::backend::Dispatch::fast_norm(x.into_dispatch(), gamma, beta, norm))
}
