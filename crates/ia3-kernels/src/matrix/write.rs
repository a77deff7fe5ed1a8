//! Matrices to write.

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr::NonNull;

/// A matrix to write: rows of contiguous elements that do not overlap. It owns its elements as `&mut` does; it splits into
/// blocks of rows or of columns, which threads may write at once.
pub(crate) struct MatMut<'a, T> {
    data: NonNull<T>,
    rows: usize,
    columns: usize,
    /// Elements from one row to the next, at least `columns`.
    stride: usize,
    lifetime: PhantomData<&'a mut [T]>,
}

// SAFETY: a `MatMut` is the only way to its elements, as `&mut [T]` is, and `&mut [T]` is `Send` where `T` is.
unsafe impl<T: Send> Send for MatMut<'_, T> {}

impl<'a, T> MatMut<'a, T> {
    /// The matrix `[rows, columns]` in row-major order that fills `data`.
    ///
    /// # Panics
    ///
    /// Panics if `data` does not hold exactly that many elements.
    pub(crate) fn row_major(data: &'a mut [T], [rows, columns]: [usize; 2]) -> Self {
        let len = data.len();
        assert_eq!(rows.checked_mul(columns), Some(len), "a matrix [{rows}, {columns}] in {len} elements");
        Self { data: NonNull::from(data).cast(), rows, columns, stride: columns, lifetime: PhantomData }
    }

    pub(crate) fn dims(&self) -> [usize; 2] {
        [self.rows, self.columns]
    }

    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut T {
        self.data.as_ptr()
    }

    /// The matrix itself for a shorter time.
    pub(crate) fn reborrow(&mut self) -> MatMut<'_, T> {
        MatMut { lifetime: PhantomData, ..*self }
    }

    /// Some of the rows.
    ///
    /// # Panics
    ///
    /// Panics if there are fewer rows.
    pub(crate) fn rows(&mut self, rows: Range<usize>) -> MatMut<'_, T> {
        // SAFETY: the result borrows the whole matrix mutably.
        unsafe { self.block(rows, 0..self.columns) }
    }

    /// Some of the columns.
    ///
    /// # Panics
    ///
    /// Panics if there are fewer columns.
    pub(crate) fn columns(&mut self, columns: Range<usize>) -> MatMut<'_, T> {
        // SAFETY: the result borrows the whole matrix mutably.
        unsafe { self.block(0..self.rows, columns) }
    }

    /// The matrix in blocks of `height` rows, of which the last may have fewer.
    pub(crate) fn split_rows(self, height: usize) -> impl Iterator<Item = Self> {
        let (rows, columns) = (self.rows, self.columns);
        (0..rows).step_by(height.max(1)).map(move |start| {
            // SAFETY: the matrix is consumed, and no two of the blocks share a row.
            unsafe { self.block(start..rows.min(start.saturating_add(height.max(1))), 0..columns) }
        })
    }

    /// The matrix in blocks of `width` columns, of which the last may have fewer.
    pub(crate) fn split_columns(self, width: usize) -> impl Iterator<Item = Self> {
        let (rows, columns) = (self.rows, self.columns);
        (0..columns).step_by(width.max(1)).map(move |start| {
            // SAFETY: the matrix is consumed, and no two of the blocks share a column; as rows do not overlap, no two
            // blocks share an element.
            unsafe { self.block(0..rows, start..columns.min(start.saturating_add(width.max(1)))) }
        })
    }

    /// The part of the matrix from a row and a column on.
    ///
    /// # Panics
    ///
    /// Panics if there is no such row or column.
    #[inline(always)]
    pub(crate) fn from(&mut self, row: usize, column: usize) -> MatMut<'_, T> {
        assert!(row < self.rows && column < self.columns);
        // SAFETY: the first element of the part is an element of the matrix, and those lie in one allocation; the result
        // borrows the whole matrix mutably.
        let data = unsafe { self.data.add(row * self.stride + column) };
        MatMut { data, rows: self.rows - row, columns: self.columns - column, ..*self }
    }

    /// A block of the matrix.
    ///
    /// # Safety
    ///
    /// The elements of the block must not be used in another way while it lives.
    unsafe fn block<'b>(&self, rows: Range<usize>, columns: Range<usize>) -> MatMut<'b, T>
    where
        'a: 'b,
    {
        assert!(
            rows.start <= rows.end
                && rows.end <= self.rows
                && columns.start <= columns.end
                && columns.end <= self.columns,
            "block {rows:?}, {columns:?} of a matrix [{}, {}]",
            self.rows,
            self.columns
        );
        let data = match rows.is_empty() || columns.is_empty() {
            true => NonNull::dangling(),
            // SAFETY: the first element of the block is an element of the matrix, and those lie in one allocation.
            false => unsafe { self.data.add(rows.start * self.stride + columns.start) },
        };
        MatMut { data, rows: rows.len(), columns: columns.len(), stride: self.stride, lifetime: PhantomData }
    }
}

impl<'a> MatMut<'a, MaybeUninit<f32>> {
    /// Sets every element to `value`.
    pub(crate) fn fill(self, value: f32) -> MatMut<'a, f32> {
        for row in 0..self.rows {
            for column in 0..self.columns {
                // SAFETY: the element lies in the matrix, which is borrowed mutably.
                unsafe { self.data.add(row * self.stride + column).write(MaybeUninit::new(value)) };
            }
        }
        // SAFETY: every element has been written.
        unsafe { self.assume_init() }
    }

    /// # Safety
    ///
    /// Every element must have been written.
    pub(crate) unsafe fn assume_init(self) -> MatMut<'a, f32> {
        let Self { data, rows, columns, stride, .. } = self;
        MatMut { data: data.cast(), rows, columns, stride, lifetime: PhantomData }
    }
}

impl<'a> MatMut<'a, f32> {
    /// The elements in row-major order.
    ///
    /// # Panics
    ///
    /// Panics if there are other elements between the rows.
    pub(crate) fn into_slice(self) -> &'a mut [f32] {
        assert!(self.stride == self.columns, "rows that follow each other");
        // SAFETY: rows of `columns` elements follow each other in one allocation, and the matrix, which is consumed, was
        // the only way to them for `'a`.
        unsafe { std::slice::from_raw_parts_mut(self.data.as_ptr(), self.rows * self.columns) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_disjoint_and_complete() {
        let mut data = vec![MaybeUninit::new(0.0); 5 * 7];
        let matrix = MatMut::row_major(&mut data, [5, 7]);
        for (i, columns) in matrix.split_columns(3).enumerate() {
            for (j, block) in columns.split_rows(2).enumerate() {
                assert_eq!(block.dims(), [[2, 2, 1][j], [3, 3, 1][i]]);
                block.fill((3 * i + j) as f32);
            }
        }
        // SAFETY: all are initialised.
        let got: Vec<f32> = data.iter().map(|x| unsafe { x.assume_init() }).collect();
        let expected: Vec<f32> = (0..35).map(|at| (at % 7 / 3 * 3 + at / 7 / 2) as f32).collect();
        assert_eq!(got, expected);
    }

    #[test]
    #[should_panic(expected = "block 0..3")]
    fn rows_that_are_not_there_are_refused() {
        MatMut::row_major(&mut [0.0; 4], [2, 2]).rows(0..3);
    }
}
