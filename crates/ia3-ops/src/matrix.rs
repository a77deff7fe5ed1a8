//! Products of matrices of `flex`.

use burn::backend::TensorMetadata;

use crate::extension::{Primitive, contiguous, new};
use crate::kernel::few::{self, Lines};
use crate::kernel::panels::Transposed;
use crate::kernel::product::{Matrix, whole};
use crate::kernel::{dots, gemm};

/// Rows up to which a matrix is read once, in its own order, instead of being brought into panels. One row of floats is gemm's
/// unless the matrix is [`LARGE`].
pub(crate) const FEW: usize = 8;

/// `x·w`, by the way that suits the number of rows and how `w` lies.
pub(crate) fn product(x: Primitive, w: &Primitive) -> Primitive {
    let ([m, k], [_, n]): ([usize; 2], [usize; 2]) = (x.shape().dims(), w.shape().dims());
    let x = contiguous(x);
    let large = m == 1 && k * n >= LARGE;
    let y = match (m, flat(w)) {
        (rows, Some(Flat::Rows(data))) if large || (2..=FEW).contains(&rows) => {
            few::product(x.storage(), k, Lines { data, outputs: n, scales: None })
        }
        (rows, Some(Flat::Columns(data))) if large || (2..=DOTS).contains(&rows) => {
            dots::dots(x.storage(), data, k)
        }
        (2.., Some(Flat::Columns(data))) => {
            let lines = Lines { data, outputs: k, scales: None };
            gemm::product(x.storage(), [m, k, n], &Transposed(lines))
        }
        _ => {
            let (layout, data) = (w.layout(), w.storage());
            let &[row, column] = layout.strides() else { unreachable!("a matrix has two strides") };
            let data = &raw const data[layout.start_offset()];
            // SAFETY: the layout of a tensor lies in its memory.
            unsafe { whole([m, k, n], x.storage(), Matrix { data, row, column }) }
        }
    };
    new(y, vec![m, n])
}

/// Elements of a matrix, such as a head, that is read by all threads for one row too: gemm reads it by one.
const LARGE: usize = 4 << 20;

/// Rows up to which a transposed matrix is read row by row of it.
const DOTS: usize = 16;

/// A matrix that lies in one piece.
enum Flat<'a> {
    /// Row after row.
    Rows(&'a [f32]),
    /// Column after column.
    Columns(&'a [f32]),
}

fn flat(w: &Primitive) -> Option<Flat<'_>> {
    let ([k, n], layout): ([usize; 2], _) = (w.shape().dims(), w.layout());
    let data = || w.storage().get(layout.start_offset()..layout.start_offset() + k * n);
    match *layout.strides() {
        [row, 1] if row == n as isize => data().map(Flat::Rows),
        [1, column] if column == k as isize => data().map(Flat::Columns),
        _ => None,
    }
}
