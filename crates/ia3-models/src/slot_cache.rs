//! The keys and values of sequences of different lengths.

use std::ops::Range;
use std::sync::Arc;

use burn::tensor::{DType, Device, Tensor};
use ia3_ops::{SlotRow, slot_attention};

/// Tokens of one slot in a pass.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) slot: usize,
    /// The number of tokens that the slot held before.
    pub(crate) past: usize,
    /// The rows of the batch that the tokens are.
    pub(crate) rows: Range<usize>,
}

/// The keys and values of one block for all slots, in buffers `[slots, heads, capacity, d_head]`.
#[derive(Debug)]
pub(crate) struct SlotCache {
    buffers: Option<[Tensor<4>; 2]>,
    slots: usize,
    capacity: usize,
    /// What the rows of the current pass are.
    parts: Arc<[Part]>,
}

impl SlotCache {
    pub(crate) fn new(slots: usize, capacity: usize) -> Self {
        Self { buffers: None, slots, capacity, parts: Arc::new([]) }
    }

    /// Says what the rows of the next pass are.
    pub(crate) fn begin(&mut self, parts: Arc<[Part]>) {
        self.parts = parts;
    }

    /// Where the cache is and the type of what is in it; `None` before the first pass.
    pub(crate) fn place(&self) -> Option<(Device, DType)> {
        self.buffers.as_ref().map(|[keys, _]| (keys.device(), keys.dtype()))
    }

    pub(crate) fn num_bytes(&self) -> usize {
        let bytes = |t: &Tensor<4>| t.shape().num_elements() * t.dtype().size();
        self.buffers.iter().flatten().map(bytes).sum()
    }

    pub(crate) fn copy(&mut self, from: usize, to: usize, len: usize) {
        if len == 0 {
            return;
        }
        let copied = |buffer: Tensor<4>| {
            let [_, heads, _, d] = buffer.dims();
            let slot = |slot| [slot..slot + 1, 0..heads, 0..len, 0..d];
            // A copy, so that the buffer keeps one owner and is written where it is.
            let values = Tensor::from_data(buffer.clone().slice(slot(from)).into_data(), &buffer.device());
            buffer.slice_assign(slot(to), values)
        };
        self.buffers = self.buffers.take().map(|buffers| buffers.map(copied));
    }

    /// Appends the keys and values of the rows of a pass, each `[rows, heads, 1, d_head]`, to their slots, and computes the
    /// attention of each row with what its own slot holds up to the row. So a row has the same bits whatever the other rows
    /// are, and however a prompt is cut into passes.
    ///
    /// `bias` is `[rows or 1, heads or 1, 1, keys]`. Where `scale` is given, attention is plain and may be computed for all rows at once;
    /// else `attend` computes one row. The result is `[rows, heads, 1, d_head]`.
    pub(crate) fn attend(
        &mut self,
        [q, k, v]: [Tensor<4>; 3],
        bias: Tensor<4>,
        scale: Option<f64>,
        attend: impl Fn([Tensor<4>; 3], Tensor<4>) -> Tensor<4>,
    ) -> Tensor<4> {
        self.append(k, v);
        let rows = Arc::new(self.rows());
        self.attend_to(q, &rows, bias, scale, attend)
    }

    /// As [`attend`](Self::attend), to keys and values that are there already: those that `rows` names for each row.
    pub(crate) fn attend_to(
        &self,
        q: Tensor<4>,
        rows: &Arc<Vec<SlotRow>>,
        bias: Tensor<4>,
        scale: Option<f64>,
        attend: impl Fn([Tensor<4>; 3], Tensor<4>) -> Tensor<4>,
    ) -> Tensor<4> {
        let [keys, values] = self.buffers.as_ref().expect("keys are read after they are written");
        let at_once = scale.and_then(|scale| slot_attention(&q, [keys, values], &bias, scale, rows));
        at_once.unwrap_or_else(|| {
            let [_, heads, _, d] = keys.dims();
            let one_bias = bias.dims()[0] == 1;
            let one = |(row, at): (usize, &SlotRow)| {
                let slot = [at.slot..at.slot + 1, 0..heads, 0..at.keys, 0..d];
                let bias = bias.clone().narrow(0, if one_bias { 0 } else { row }, 1).narrow(3, 0, at.keys);
                let [k, v] = [keys, values].map(|buffer| buffer.clone().slice(slot.clone()));
                attend([q.clone().narrow(0, row, 1), k, v], bias)
            };
            let mut all: Vec<Tensor<4>> = rows.iter().enumerate().map(one).collect();
            if all.len() == 1 { all.remove(0) } else { Tensor::cat(all, 0) }
        })
    }

    /// Where the keys of each row of the pass lie, in the order of the batch.
    fn rows(&self) -> Vec<SlotRow> {
        let of_part = |part: &Part| {
            let (slot, past) = (part.slot, part.past);
            (1..=part.rows.len()).map(move |new| SlotRow { slot, keys: past + new })
        };
        self.parts.iter().flat_map(of_part).collect()
    }

    /// Appends the keys and values of the rows of a pass to their slots.
    pub(crate) fn append(&mut self, k: Tensor<4>, v: Tensor<4>) {
        let [_, heads, _, d] = k.dims();
        let shape = [self.slots, heads, self.capacity, d];
        let zeros = || Tensor::zeros(shape, (&k.device(), k.dtype()));
        let buffers = self.buffers.take().unwrap_or_else(|| [zeros(), zeros()]);
        let write = |buffer: Tensor<4>, new: Tensor<4>, part: &Part| {
            let (slot, end) = (part.slot, part.past + part.rows.len());
            // The tokens of a part are rows of the batch; in the slot they follow one another.
            let new = new.narrow(0, part.rows.start, part.rows.len()).swap_dims(0, 2);
            buffer.slice_assign([slot..slot + 1, 0..heads, part.past..end, 0..d], new)
        };
        let mut new = [k, v].into_iter();
        let filled = buffers.map(|buffer| {
            let new = new.next().expect("keys and values");
            self.parts.iter().fold(buffer, |buffer, part| write(buffer, new.clone(), part))
        });
        self.buffers = Some(filled);
    }
}
