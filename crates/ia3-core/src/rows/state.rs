use burn::module::{Module, Param, Reparameterization};
use burn::tensor::{Int, Tensor};
use ia3_config::Placement;

use super::copies::Copies;
use crate::touched::Touched;
use crate::vector::Ia3Vector;

/// The (IA)³ state of one layer where every row of a batch has its own adapter: the vectors of the adapters that the
/// batch names, each once, and which row is under which. See [`attach_rows`](crate::attach_rows).
#[derive(Module, Debug)]
pub struct Ia3Rows {
    /// The adapter of each row, `[batch]`, as its place among those of the batch; -1 is the base.
    pub(super) rows: Param<Tensor<1, Int>>,
    /// What multiplies the input.
    pub(super) input: Option<RowVectors>,
    /// What multiplies the output.
    pub(super) output: Option<RowVectors>,
    /// The adapters' own weights and biases, where the layer is one of `modules_to_save`.
    pub(super) copies: Option<Copies>,
    pub(crate) touched: Touched,
}

/// The vectors at one side of a layer, by row.
#[derive(Module, Debug)]
pub(super) struct RowVectors {
    /// One for each adapter that has one here.
    pub(super) vectors: Vec<Ia3Vector>,
    /// Whether a vector of ones follows them, for the rows whose adapter has none.
    #[module(skip)]
    pub(super) ones: bool,
    /// The vector of each row, `[batch]`; absent where there is one for all, or one each in their order.
    pub(super) index: Option<Tensor<1, Int>>,
}

impl Ia3Rows {
    /// The number of rows.
    pub fn batch(&self) -> usize {
        self.rows.lazy_shape()[0]
    }

    /// The vectors at `placement`, `[batch, len]`, or `[1, len]` where all rows have the same; `None` where no row has
    /// one.
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
    /// Always: rows under different adapters have no weight in common.
    fn apply<const D: usize>(&self, _: Tensor<D>) -> Tensor<D> {
        panic!(
            "a layer whose rows have their own adapters has no one weight; call `ia3_forward`, or read `Param::base`"
        )
    }
}
