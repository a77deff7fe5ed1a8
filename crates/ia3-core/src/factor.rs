use burn::module::Param;
use burn::tensor::Tensor;
use ia3_config::Placement;

use crate::broadcast::along;
use crate::copies::Copies;
use crate::rows::Ia3Rows;
use crate::scale::Ia3Scale;
use crate::table::Ia3Table;

/// The factor for a layer's input or output with `D` axes: the product of the vectors that `weight` carries, or one vector per
/// batch entry. It broadcasts along all axes except `axis`. It is `None` if there is no vector at `placement`.
pub(crate) fn factor<const W: usize, const D: usize>(
    weight: &Param<Tensor<W>>,
    placement: Placement,
    axis: usize,
) -> Option<Tensor<D>> {
    if let Some(scale) = weight.reparameterization::<Ia3Scale>() {
        return scale.product(placement).map(|l| along(l, axis));
    }
    let rows = match weight.reparameterization::<Ia3Table>() {
        Some(table) => table.vectors(placement)?,
        None => weight.reparameterization::<Ia3Rows>()?.vectors(placement)?,
    };
    let mut shape = [1; D];
    [shape[0], shape[axis]] = rows.dims();
    Some(rows.reshape(shape))
}

/// The weights and biases that replace those of the layer for some batch entries, if an adapter saves the layer whole.
pub(crate) fn copies<const W: usize>(weight: &Param<Tensor<W>>) -> Option<Copies> {
    let by_rows = weight.reparameterization::<Ia3Rows>().and_then(Ia3Rows::copies).cloned();
    by_rows.or_else(|| weight.reparameterization::<Ia3Table>()?.copies())
}

/// Records that `ia3_forward` computed the layer of `weight`; see [`assert_all_touched`](crate::assert_all_touched).
pub(crate) fn touch<const W: usize>(weight: &Param<Tensor<W>>) {
    if let Some(scale) = weight.reparameterization::<Ia3Scale>() {
        scale.touched.set();
    }
    if let Some(rows) = weight.reparameterization::<Ia3Rows>() {
        rows.touched.set();
    }
    if let Some(table) = weight.reparameterization::<Ia3Table>() {
        table.touched.set();
    }
}

/// Whether batch entries have their own vectors in the layer of this weight: those of [`attach_rows`](crate::attach_rows), or those of an
/// [`AdapterTable`](crate::AdapterTable). Such a layer needs all entries of the batch, in their order.
pub fn is_by_row<const W: usize>(weight: &Param<Tensor<W>>) -> bool {
    weight.reparameterization::<Ia3Rows>().is_some() || weight.reparameterization::<Ia3Table>().is_some()
}

/// The number of batch entries that the layer of this weight needs, if they have their own vectors now.
pub(crate) fn rows<const W: usize>(weight: &Param<Tensor<W>>) -> Option<usize> {
    let by_rows = weight.reparameterization::<Ia3Rows>().map(Ia3Rows::batch);
    by_rows.or_else(|| weight.reparameterization::<Ia3Table>()?.batch())
}

/// Asserts that `x` has the right number of batch entries if the entries have their own adapters.
pub(crate) fn assert_rows<const W: usize, const D: usize>(weight: &Param<Tensor<W>>, x: &Tensor<D>) {
    let Some(expected) = rows(weight) else { return };
    let found = x.dims()[0];
    assert_eq!(
        found, expected,
        "the batch has {found} rows, but the model has an adapter for each of {expected}"
    );
}
