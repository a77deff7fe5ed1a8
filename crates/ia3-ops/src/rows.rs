use burn::tensor::Tensor;

/// Rows up to which products with a transposed matrix are computed row by row of it.
#[cfg(feature = "flex")]
const FEW: usize = 16;

/// `x·wᵀ`, of which gemm packs `w` first and takes several times as long where `x` has a few rows alone, as in decoding
/// with a tied head. No gradient is kept on the path for few rows, so it is taken without autodiff only.
///
/// # Shapes
///
/// - `x`: `[rows, d]`; `w`: `[n, d]`
/// - returns `[rows, n]`
///
/// # Panics
///
/// Panics if the widths differ.
pub fn matmul_transposed(x: Tensor<2>, w: Tensor<2>) -> Tensor<2> {
    #[cfg(feature = "flex")]
    {
        let ([rows, d], [_, width]) = (x.dims(), w.dims());
        let plain = !x.device().is_autodiff() && !w.device().is_autodiff();
        if d == width
            && (2..=FEW).contains(&rows)
            && d > 0
            && plain
            && crate::on_flex(&x)
            && crate::on_flex(&w)
        {
            use crate::extension::FewRows;
            return Tensor::from_dispatch(burn::backend::Dispatch::dots(
                x.into_dispatch(),
                w.into_dispatch(),
            ));
        }
    }
    x.matmul(w.transpose())
}
