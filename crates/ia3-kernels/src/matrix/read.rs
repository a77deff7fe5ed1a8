//! Matrices to read.

/// A matrix to read, with any strides.
#[derive(Clone, Copy)]
pub struct MatRef<'a> {
    data: &'a [f32],
    offset: usize,
    rows: usize,
    columns: usize,
    row_stride: isize,
    column_stride: isize,
}

impl<'a> MatRef<'a> {
    /// The matrix `[rows, columns]` whose first element is `data[offset]`. `strides` are the distances, in elements, from
    /// one row and from one column to the next; 0 repeats a row or a column.
    ///
    /// # Panics
    ///
    /// Panics if an element of the matrix lies outside `data`.
    pub fn new(data: &'a [f32], offset: usize, dims: [usize; 2], strides: [isize; 2]) -> Self {
        let ([rows, columns], [row_stride, column_stride]) = (dims, strides);
        assert!(
            lies_inside(data.len(), offset, dims, strides),
            "a matrix {dims:?} with strides {strides:?} that starts at element {offset} does not lie inside {} elements",
            data.len()
        );
        let offset = if rows == 0 || columns == 0 { 0 } else { offset };
        Self { data, offset, rows, columns, row_stride, column_stride }
    }

    /// The same without the check.
    ///
    /// # Safety
    ///
    /// Every element of the matrix must lie inside `data`.
    pub(crate) unsafe fn unchecked(
        data: &'a [f32],
        offset: usize,
        [rows, columns]: [usize; 2],
        [row_stride, column_stride]: [isize; 2],
    ) -> Self {
        Self { data, offset, rows, columns, row_stride, column_stride }
    }

    /// The matrix `[rows, columns]` in row-major order that fills `data`.
    ///
    /// # Panics
    ///
    /// Panics if `data` holds fewer elements.
    pub fn row_major(data: &'a [f32], [rows, columns]: [usize; 2]) -> Self {
        Self::new(data, 0, [rows, columns], [columns as isize, 1])
    }

    /// The transposed matrix, in the same memory.
    pub fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    pub(crate) fn dims(&self) -> [usize; 2] {
        [self.rows, self.columns]
    }

    /// The distances from one row and from one column to the next.
    pub(crate) fn strides(&self) -> [isize; 2] {
        [self.row_stride, self.column_stride]
    }

    /// The element of a row and a column.
    ///
    /// # Panics
    ///
    /// Panics if there is no such element.
    #[inline(always)]
    pub(crate) fn at(&self, row: usize, column: usize) -> f32 {
        assert!(row < self.rows && column < self.columns);
        let at = self.offset as isize + row as isize * self.row_stride + column as isize * self.column_stride;
        self.data[at as usize]
    }

    /// Some elements of a row from a column on.
    ///
    /// # Panics
    ///
    /// Panics if they are not there, or if columns do not follow each other in the memory.
    #[inline(always)]
    pub(crate) fn row_part(&self, row: usize, column: usize, width: usize) -> &[f32] {
        assert!(self.column_stride == 1 && row < self.rows && column + width <= self.columns);
        let at = self.offset as isize + row as isize * self.row_stride + column as isize;
        &self.data[at as usize..][..width]
    }

    /// The first element. All others can be reached from it.
    pub(crate) fn as_ptr(&self) -> *const f32 {
        self.data.as_ptr().wrapping_add(self.offset)
    }
}

/// Whether each element of a tensor lies inside `len` elements.
pub(crate) fn lies_inside<const N: usize>(
    len: usize,
    offset: usize,
    dims: [usize; N],
    strides: [isize; N],
) -> bool {
    if dims.contains(&0) {
        return true;
    }
    let ends = || {
        let (mut first, mut last) = (isize::try_from(offset).ok()?, isize::try_from(offset).ok()?);
        for (n, stride) in dims.into_iter().zip(strides) {
            let reach = isize::try_from(n - 1).ok()?.checked_mul(stride)?;
            first = first.checked_add(reach.min(0))?;
            last = last.checked_add(reach.max(0))?;
        }
        Some((first, last))
    };
    ends().is_some_and(|(first, last)| first >= 0 && (last as usize) < len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_outside_the_memory_are_refused() {
        let inside = |len, offset, dims, strides| lies_inside(len, offset, dims, strides);
        assert!(
            inside(6, 0, [2, 3], [3, 1]) && !inside(5, 0, [2, 3], [3, 1]) && !inside(6, 1, [2, 3], [3, 1])
        );
        assert!(inside(6, 5, [2, 3], [-3, -1]) && !inside(6, 4, [2, 3], [-3, -1]));
        assert!(inside(1, 0, [9, 9], [0, 0]) && !inside(0, 0, [1, 1], [0, 0]));
        assert!(inside(0, 7, [0, 9], [1, 1]) && inside(0, 7, [9, 0], [1, 1]));
        assert!(!inside(9, 0, [usize::MAX, 2], [isize::MAX, 1]) && !inside(9, usize::MAX, [1, 1], [1, 1]));
        assert!(!inside(9, 0, [3, 3], [isize::MAX, isize::MAX]));
    }
}
