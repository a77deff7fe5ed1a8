//! Products of matrices.

use burn::backend::TensorMetadata;
use ia3_kernels::packed_gemm::{self, Transposed};
use ia3_kernels::{MatRef, Weight, gemv, matmul, small_gemm};

use super::tensor::{Primitive, contiguous, new};

/// Rows of `x` up to which each element of a matrix is read once, in the order of the memory, instead of being packed into
/// panels.
pub(super) const FEW_ROWS: usize = 8;

/// Rows of `x` up to which a transposed matrix is read that way.
const FEW_ROWS_TRANSPOSED: usize = 16;

/// Elements of a matrix, such as a head, that all threads read even for one row of `x`. Below, one row is left to the crate
/// `gemm`, which reads the matrix on one thread.
const LARGE: usize = 4 << 20;

/// `x·w`, by the kernel that suits the number of rows and the layout of `w`.
pub(super) fn product(x: Primitive, w: &Primitive) -> Primitive {
    let ([m, k], [_, n]): ([usize; 2], [usize; 2]) = (x.shape().dims(), w.shape().dims());
    let x = contiguous(x);
    let (x, large) = (x.storage(), m == 1 && k * n >= LARGE);
    let y = match (m, contiguous_parts(w)) {
        (rows, Some(Contiguous::Rows(data))) if large || (2..=FEW_ROWS).contains(&rows) => {
            gemv::product(x, m, Weight::new(data, [k, n], None))
        }
        (rows, Some(Contiguous::Columns(data))) if large || (2..=FEW_ROWS_TRANSPOSED).contains(&rows) => {
            small_gemm::product(x, data, [m, k, n])
        }
        (2.., Some(Contiguous::Columns(data))) => {
            packed_gemm::product(x, [m, k, n], &Transposed(Weight::new(data, [n, k], None)))
        }
        _ => {
            let (layout, data) = (w.layout(), w.storage());
            let strides = layout.strides().try_into().expect("a matrix has two strides");
            let w = MatRef::new(data, layout.start_offset(), [k, n], strides);
            matmul::product(MatRef::row_major(x, [m, k]), w)
        }
    };
    new(y, vec![m, n])
}

/// The elements of a matrix that fill a part of the memory.
enum Contiguous<'a> {
    /// Row after row.
    Rows(&'a [f32]),
    /// Column after column.
    Columns(&'a [f32]),
}

fn contiguous_parts(w: &Primitive) -> Option<Contiguous<'_>> {
    let ([k, n], layout): ([usize; 2], _) = (w.shape().dims(), w.layout());
    let data = || w.storage().get(layout.start_offset()..layout.start_offset() + k * n);
    match *layout.strides() {
        [row, 1] if row == n as isize => data().map(Contiguous::Rows),
        [1, column] if column == k as isize => data().map(Contiguous::Columns),
        _ => None,
    }
}
