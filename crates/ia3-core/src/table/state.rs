use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::module::{Module, Reparameterization};
use burn::tensor::{DType, Device, Int, Tensor};
use ia3_config::Placement;

use crate::touched::Touched;

/// The line of the tables that each row of a batch uses, `[rows]`; `None` where all rows are the base's.
#[derive(Debug, Default)]
pub(super) struct RowsOfBatch(Mutex<Option<Tensor<1, Int>>>);

impl RowsOfBatch {
    pub(super) fn set(&self, lines: Option<Tensor<1, Int>>) {
        *lock(&self.0) = lines;
    }

    fn get(&self) -> Option<Tensor<1, Int>> {
        lock(&self.0).clone()
    }
}

/// The tables of one layer, each `[capacity + 1, len]`. The first line is ones, for rows of the base.
#[derive(Debug)]
pub(super) struct Layer {
    rows: Arc<RowsOfBatch>,
    input: Mutex<Option<Tensor<2>>>,
    output: Mutex<Option<Tensor<2>>>,
}

impl Layer {
    pub(super) fn new(rows: Arc<RowsOfBatch>) -> Self {
        Self { rows, input: Mutex::default(), output: Mutex::default() }
    }

    /// Writes `line` of a table of `lines` lines: the values, or ones where there are none. A table that holds only ones is not
    /// made.
    pub(super) fn write(
        &self,
        placement: Placement,
        [line, lines]: [usize; 2],
        values: Option<Tensor<1>>,
        device: &Device,
    ) {
        let mut table = lock(self.table(placement));
        let values = match (&*table, values) {
            (None, None) => return,
            (Some(table), None) => Tensor::ones([table.dims()[1]], (device, DType::F32)),
            (_, Some(values)) => values,
        };
        let [len] = values.dims();
        // It is taken out of its place, so that it has one owner and is written where it is.
        let before = table.take().unwrap_or_else(|| Tensor::ones([lines, len], (device, DType::F32)));
        *table = Some(before.slice_assign([line..line + 1, 0..len], values.unsqueeze()));
    }

    pub(super) fn num_bytes(&self) -> usize {
        let bytes = |table: &Mutex<Option<Tensor<2>>>| {
            lock(table).as_ref().map_or(0, |table| table.shape().num_elements() * size_of::<f32>())
        };
        bytes(&self.input) + bytes(&self.output)
    }

    fn table(&self, placement: Placement) -> &Mutex<Option<Tensor<2>>> {
        match placement {
            Placement::Input => &self.input,
            Placement::Output => &self.output,
        }
    }
}

/// A thread that has panicked leaves a table as it was or without values, never half written.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The (IA)³ state of one layer of a model with an [`AdapterTable`](crate::AdapterTable), which creates it.
#[derive(Module, Debug)]
pub struct Ia3Table {
    #[module(skip)]
    layer: Arc<Layer>,
    pub(crate) touched: Touched,
}

impl Ia3Table {
    pub(super) fn new(layer: Arc<Layer>) -> Self {
        Self { layer, touched: Touched::default() }
    }

    /// The number of rows of the batch, or `None` if all rows are the base's.
    pub(crate) fn batch(&self) -> Option<usize> {
        self.layer.rows.get().map(|lines| lines.dims()[0])
    }

    /// The vectors at `placement`, `[rows, len]`. It is `None` if no resident adapter has a vector there, or if all rows are
    /// the base's.
    pub(crate) fn vectors(&self, placement: Placement) -> Option<Tensor<2>> {
        let table = lock(self.layer.table(placement));
        Some(table.as_ref()?.clone().select(0, self.layer.rows.get()?))
    }
}

impl Reparameterization for Ia3Table {
    const NAME: &'static str = "ia3_table";

    /// # Panics
    ///
    /// This function always panics, because rows with different adapters have no common weight.
    fn apply<const D: usize>(&self, _: Tensor<D>) -> Tensor<D> {
        panic!(
            "a layer whose rows have their own adapters has no single scaled weight; call `ia3_forward`, or read `Param::base`"
        )
    }
}
