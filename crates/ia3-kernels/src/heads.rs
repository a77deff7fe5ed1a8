//! Views of tensors of attention.

use std::ops::Range;

use crate::matrix::{MatMut, MatRef, lies_inside};

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
    /// The tensor with one query per head, `[batch, kv_heads·group, 1, columns]`, as `[batch, kv_heads, group, columns]`.
    pub(crate) fn folded(self, group: usize) -> Self {
        let [batch, head, _, column] = self.strides;
        Self { strides: [batch, head * group as isize, head, column], ..self }
    }

    /// The tensor with the shape `dims`.
    ///
    /// # Panics
    ///
    /// Panics if an element lies outside the memory.
    pub(crate) fn checked(self, dims: [usize; 4]) -> CheckedHeads<'a> {
        let Self { data, offset, strides } = self;
        assert!(
            lies_inside(data.len(), offset, dims, strides),
            "a tensor {dims:?} with strides {strides:?} that starts at element {offset} does not lie inside {} elements",
            data.len()
        );
        CheckedHeads { heads: self, dims }
    }
}

/// A tensor `[batch, heads, rows, columns]` whose elements all lie inside its memory.
#[derive(Clone, Copy)]
pub(crate) struct CheckedHeads<'a> {
    heads: Heads<'a>,
    dims: [usize; 4],
}

impl<'a> CheckedHeads<'a> {
    /// Some rows of one head.
    ///
    /// # Panics
    ///
    /// Panics if the tensor does not have them.
    pub(crate) fn matrix(&self, at: [usize; 2], rows: Range<usize>) -> MatRef<'a> {
        let [_, _, row, column] = self.heads.strides;
        let (offset, dims) = (self.offset(at, &rows), [rows.len(), self.dims[3]]);
        // SAFETY: the elements belong to the tensor, and those lie inside the memory.
        unsafe { MatRef::unchecked(self.heads.data, offset, dims, [row, column]) }
    }

    /// One row, whose elements must follow each other.
    ///
    /// # Panics
    ///
    /// Panics if they do not, or if the tensor does not have the row.
    pub(crate) fn row(&self, at: [usize; 2], row: usize) -> &'a [f32] {
        let columns = self.dims[3];
        assert!(self.heads.strides[3] == 1 || columns <= 1, "rows of contiguous elements");
        &self.heads.data[self.offset(at, &(row..row + 1))..][..columns]
    }

    /// Where the first element of some rows lies.
    fn offset(&self, [batch, head]: [usize; 2], rows: &Range<usize>) -> usize {
        let [batches, heads, all_rows, columns] = self.dims;
        assert!(
            batch < batches && head < heads && rows.start < rows.end && rows.end <= all_rows && columns > 0,
            "rows {rows:?} of head {head} of batch entry {batch} of a tensor {:?}",
            self.dims
        );
        let steps = [batch, head, rows.start].into_iter().zip(self.heads.strides);
        // None of these overflows, since the sum is the offset of an element inside the memory.
        (self.heads.offset as isize + steps.map(|(i, stride)| i as isize * stride).sum::<isize>()) as usize
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
