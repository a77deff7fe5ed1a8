//! Views of tensors of attention.

use std::ops::Range;

use crate::matrix::{MatMut, MatRef};

/// A tensor `[batch, heads, rows, columns]` in a slice, with any strides; a stride of 0 repeats.
#[derive(Clone, Copy)]
pub struct Heads<'a> {
    /// The memory.
    pub data: &'a [f32],
    /// Where the first element lies.
    pub offset: usize,
    /// Elements from one index of each axis to the next.
    pub strides: [isize; 4],
}

impl<'a> Heads<'a> {
    /// Some rows of one head.
    ///
    /// # Panics
    ///
    /// Panics if they do not lie inside the memory.
    pub(crate) fn matrix(&self, [batch, head]: [usize; 2], rows: Range<usize>, columns: usize) -> MatRef<'a> {
        let offset = self.index(batch, head, rows.start);
        MatRef::new(self.data, offset, [rows.len(), columns], [self.strides[2], self.strides[3]])
    }

    /// One row, whose elements must follow each other.
    ///
    /// # Panics
    ///
    /// Panics if they do not, or if they lie outside the memory.
    pub(crate) fn row(&self, batch: usize, head: usize, row: usize, len: usize) -> &'a [f32] {
        assert!(self.strides[3] == 1 || len <= 1, "rows of contiguous elements");
        &self.data[self.index(batch, head, row)..][..len]
    }

    fn index(&self, batch: usize, head: usize, row: usize) -> usize {
        let mut index = isize::try_from(self.offset).ok();
        for (i, stride) in [batch, head, row].into_iter().zip(self.strides) {
            let step = isize::try_from(i).ok().and_then(|i| i.checked_mul(stride));
            index = index.zip(step).and_then(|(index, step)| index.checked_add(step));
        }
        index.and_then(|index| usize::try_from(index).ok()).expect("an element inside the memory")
    }

    /// The tensor with one query per head, `[batch, kv_heads·group, 1, columns]`, as `[batch, kv_heads, group, columns]`.
    pub(crate) fn folded(self, group: usize) -> Self {
        let [batch, head, _, column] = self.strides;
        Self { strides: [batch, head * group as isize, head, column], ..self }
    }
}

/// The heads of a tensor `[batch, rows, heads, columns]`, batch entry by batch entry.
///
/// # Panics
///
/// Panics if `data` does not hold exactly that many elements.
pub(crate) fn split_heads<T>(
    data: &mut [T],
    [batch, rows, heads, columns]: [usize; 4],
) -> impl Iterator<Item = MatMut<'_, T>> {
    let entries = MatMut::row_major(data, [batch * rows, heads * columns]).split_rows(rows);
    entries.flat_map(move |entry| entry.split_columns(columns))
}
