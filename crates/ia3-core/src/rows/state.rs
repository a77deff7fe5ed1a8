use burn::module::{Module, Param, Reparameterization};
use burn::tensor::module::embedding;
use burn::tensor::{DType, Int, Tensor};
use ia3_config::Placement;

use crate::copies::Copies;
use crate::touched::Touched;
use crate::vector::Ia3Vector;

/// The (IA)³ state of one layer in a mixed batch: the vectors of the distinct adapters of the batch, and the adapter of each
/// batch entry. [`attach_rows`](crate::attach_rows) creates it.
#[derive(Module, Debug)]
pub struct Ia3Rows {
    /// The adapter of each batch entry, `[batch]`: its index among the adapters of the batch, or -1 for the base.
    pub(super) rows: Param<Tensor<1, Int>>,
    /// The vectors that multiply the input.
    pub(super) input: Option<RowVectors>,
    /// The vectors that multiply the output.
    pub(super) output: Option<RowVectors>,
    /// The weights and biases of the adapters, if the layer is one of `modules_to_save`.
    pub(super) copies: Option<Copies>,
    pub(crate) touched: Touched,
}

/// The vectors for the input or for the output of a layer in a mixed batch.
#[derive(Module, Debug)]
pub(super) struct RowVectors {
    /// The vectors of the adapters that have one for this side of the layer.
    pub(super) vectors: Vec<Ia3Vector>,
    /// Whether a vector of ones follows `vectors`, for the batch entries whose adapter has no vector here.
    #[module(skip)]
    pub(super) ones: bool,
    /// The index of the vector of each batch entry, `[batch]`. It is `None` if all entries have the same vector or entry `i`
    /// has vector `i`.
    pub(super) index: Option<Tensor<1, Int>>,
}

impl Ia3Rows {
    /// The number of batch entries.
    pub fn batch(&self) -> usize {
        self.rows.lazy_shape()[0]
    }

    /// The vectors at `placement`: `[batch, len]`, or `[1, len]` if all batch entries have the same vector. It is `None` if no
    /// entry has a vector there.
    pub(crate) fn vectors(&self, placement: Placement) -> Option<Tensor<2>> {
        let vectors = match placement {
            Placement::Input => &self.input,
            Placement::Output => &self.output,
        };
        vectors.as_ref().map(RowVectors::gather)
    }

    pub(crate) fn copies(&self) -> Option<&Copies> {
        self.copies.as_ref()
    }

    /// Rows `ids` of the embedding of each batch entry, in `dtype`; `weight` is that of the base.
    pub(crate) fn embed(&self, ids: Tensor<2, Int>, weight: Tensor<2>, dtype: DType) -> Tensor<3> {
        match &self.copies {
            Some(copies) => copies.embed(ids, weight, dtype),
            None => embedding(weight, ids).cast(dtype),
        }
    }
}

impl RowVectors {
    fn gather(&self) -> Tensor<2> {
        let mut all: Vec<Tensor<2>> = self.vectors.iter().map(|v| v.values().unsqueeze()).collect();
        if self.ones {
            all.push(all[0].ones_like().detach());
        }
        let all = if all.len() == 1 { all.remove(0) } else { Tensor::cat(all, 0) };
        match &self.index {
            None => all,
            Some(index) => all.select(0, index.clone()),
        }
    }
}

impl Reparameterization for Ia3Rows {
    const NAME: &'static str = "ia3_rows";

    /// # Panics
    ///
    /// This function always panics, because batch entries with different adapters have no common weight.
    fn apply<const D: usize>(&self, _: Tensor<D>) -> Tensor<D> {
        panic!(
            "a layer whose batch entries have their own adapters has no single scaled weight; call `ia3_forward`, or read `Param::base`"
        )
    }
}
