use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::module::{Module, Reparameterization};
use burn::tensor::{DType, Device, Int, Tensor};
use ia3_config::Placement;

use crate::copies::{Copies, SavedLayer, index};
use crate::finite::count_non_finite;
use crate::touched::Touched;

/// The line of the tables that each row of a batch uses. Line 0 is the base's.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    of_rows: Arc<[usize]>,
    /// The same numbers, `[rows]`.
    index: Tensor<1, Int>,
}

impl Lines {
    pub(super) fn new(of_rows: Vec<usize>, device: &Device) -> Self {
        Self { index: index(&of_rows, device), of_rows: of_rows.into() }
    }
}

/// The lines of the batch; `None` where all rows are the base's.
#[derive(Debug, Default)]
pub(super) struct RowsOfBatch(Mutex<Option<Lines>>);

impl RowsOfBatch {
    pub(super) fn set(&self, lines: Option<Lines>) {
        *lock(&self.0) = lines;
    }

    fn get(&self) -> Option<Lines> {
        lock(&self.0).clone()
    }
}

/// The tables of one layer, each `[capacity + 1, len]`. The first line is ones, for rows of the base.
#[derive(Debug)]
pub(super) struct Layer {
    rows: Arc<RowsOfBatch>,
    dtype: DType,
    input: Mutex<Option<Tensor<2>>>,
    output: Mutex<Option<Tensor<2>>>,
    /// What replaces the layer, by line.
    saved: Mutex<BTreeMap<usize, SavedLayer>>,
}

impl Layer {
    pub(super) fn new(rows: Arc<RowsOfBatch>, dtype: DType) -> Self {
        Self { rows, dtype, input: Mutex::default(), output: Mutex::default(), saved: Mutex::default() }
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
            (Some(table), None) => Tensor::ones([table.dims()[1]], (device, self.dtype)),
            (_, Some(values)) => values.cast(self.dtype),
        };
        let [len] = values.dims();
        // It is taken out of its place, so that it has one owner and is written where it is.
        let before = table.take().unwrap_or_else(|| Tensor::ones([lines, len], (device, self.dtype)));
        *table = Some(before.slice_assign([line..line + 1, 0..len], values.unsqueeze()));
    }

    /// The number of finite values that the dtype of the tables has no number for.
    pub(super) fn lost(&self, values: Tensor<1>) -> usize {
        if self.dtype == DType::F32 {
            return 0;
        }
        let infinite = |values: Tensor<1>| count_non_finite(&values.into_data());
        infinite(values.clone().cast(self.dtype)).saturating_sub(infinite(values))
    }

    /// Says what replaces the layer for rows of `line`, if anything does.
    pub(super) fn save(&self, line: usize, layer: Option<SavedLayer>) {
        let mut saved = lock(&self.saved);
        match layer {
            Some(layer) => saved.insert(line, layer),
            None => saved.remove(&line),
        };
    }

    pub(super) fn num_bytes(&self) -> usize {
        let bytes = |table: &Mutex<Option<Tensor<2>>>| {
            lock(table).as_ref().map_or(0, |table| table.shape().num_elements() * self.dtype.size())
        };
        let saved: usize = lock(&self.saved).values().map(SavedLayer::num_bytes).sum();
        bytes(&self.input) + bytes(&self.output) + saved
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
        self.layer.rows.get().map(|lines| lines.of_rows.len())
    }

    /// The vectors at `placement`, `[rows, len]`. It is `None` if no resident adapter has a vector there, or if all rows are
    /// the base's.
    pub(crate) fn vectors(&self, placement: Placement) -> Option<Tensor<2>> {
        let table = lock(self.layer.table(placement));
        Some(table.as_ref()?.clone().select(0, self.layer.rows.get()?.index).cast(DType::F32))
    }

    /// What replaces the layer for some rows of the batch, if a resident adapter of one of them saves it whole.
    pub(crate) fn copies(&self) -> Option<Copies> {
        let saved = lock(&self.layer.saved);
        let lines = self.layer.rows.get().filter(|_| !saved.is_empty())?;
        let mut rows: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (row, line) in lines.of_rows.iter().enumerate() {
            rows.entry(*line).or_default().push(row);
        }
        let layers = rows.into_iter().filter_map(|(line, rows)| Some((saved.get(&line)?.clone(), rows)));
        Copies::new(layers, lines.of_rows.len(), &lines.index.device())
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
