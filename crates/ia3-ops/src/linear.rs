use burn::tensor::{Tensor, module};

/// `x·w + b`, as burn's `linear` of matrices.
///
/// On `flex` a frozen `w` is read as it lies, by panels in the backward pass; with a few rows, as in generation, each of
/// its elements once and in the order of the memory. `x` is kept only if `w` wants a gradient.
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
/// If the shapes do not fit.
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
    #[cfg(feature = "flex")]
    if x.shape().num_elements() * w.shape().num_elements() > 0
        && crate::on_flex(&x)
        && crate::on_flex(&w)
        && b.as_ref().is_none_or(crate::on_flex)
    {
        use crate::extension::FastOps;
        let b = b.unwrap_or_else(|| Tensor::empty([0], &x.device()));
        return Tensor::from_dispatch(burn::backend::Dispatch::fast_linear(
            x.into_dispatch(),
            w.into_dispatch(),
            b.into_dispatch(),
        ));
    }
    module::linear(x, w, b)
}

/// `x·wᵀ`, as of a tied head. gemm packs a transposed matrix whole before each product; [`linear`] does not.
///
/// # Shapes
///
/// - `x`: `[rows, d]`; `w`: `[n, d]`
/// - returns `[rows, n]`
///
/// # Panics
///
/// If the widths differ.
pub fn matmul_transposed(x: Tensor<2>, w: Tensor<2>) -> Tensor<2> {
    linear(x, w.transpose(), None)
}
