//! Products of matrices.

use burn::backend::TensorMetadata;
use burn::tensor::{DType, bf16, f16};
use bytemuck::Pod;
use ia3_kernels::bfloat16::{self, Matrix, Parts};
use ia3_kernels::packed_gemm::{self, Transposed};
use ia3_kernels::{Element, MatRef, Weight, gemv, matmul, small_gemm};

use super::tensor::{Primitive, contiguous, floats_of};
use crate::by_row::is_by_row;

/// Rows of `x` up to which each element of a matrix is read once, in the order of the memory, instead of being packed into
/// panels.
pub(super) const FEW_ROWS: usize = 8;

/// Rows of `x` up to which a transposed matrix is read that way.
const FEW_ROWS_TRANSPOSED: usize = 16;

/// Rows of `x` up to which packing a float32 matrix alone is faster than the crate `gemm`, which packs both, on every machine.
const SOME_ROWS: usize = 64;

/// Columns of a bfloat16 matrix from which on instructions for bfloat16 are faster although `x` has to be split for them.
const WIDE: usize = 256;

/// `x·w`, `[m, n]`, with sums in float32, by the kernel that suits the number of rows, and the layout and the type of `w`: float32,
/// bfloat16 or float16. `x` is float32, or bfloat16 as `w` is.
pub(super) fn product(x: Primitive, w: &Primitive) -> Vec<f32> {
    let [m, _]: [usize; 2] = x.shape().dims();
    let parts = if x.dtype() == DType::BF16 { Parts::One } else { Parts::Three };
    let x = floats_of(x);
    match w.dtype() {
        DType::BF16 => bfloat16s(x.storage(), m, w, parts),
        DType::F16 => halves::<f16>(x.storage(), m, w),
        _ => floats(x.storage(), m, w),
    }
}

/// The product with a matrix in bfloat16, by instructions for bfloat16 where they are faster than those for float32.
fn bfloat16s(x: &[f32], m: usize, w: &Primitive, parts: Parts) -> Vec<f32> {
    let [k, n] = w.shape().dims();
    let is_wide = n >= WIDE || parts == Parts::One;
    match contiguous_parts::<bf16>(w) {
        Some(matrix) if m > FEW_ROWS_TRANSPOSED && is_wide && !is_by_row() && bfloat16::is_fast(parts) => {
            let matrix = match matrix {
                Contiguous::Rows(data) => Matrix::Rows(data),
                Contiguous::Columns(data) => Matrix::Columns(data),
            };
            bfloat16::product(x, [m, k, n], matrix, parts)
        }
        _ => halves::<bf16>(x, m, w),
    }
}

/// The product with a matrix in half precision, whose elements are widened as they are read.
fn halves<T: Kernel>(x: &[f32], m: usize, w: &Primitive) -> Vec<f32> {
    let [k, n] = w.shape().dims();
    if let Some(y) = few_rows::<T>(x, m, w) {
        return y;
    }
    match contiguous_parts::<T>(w) {
        Some(Contiguous::Rows(data)) => packed(x, [m, k, n], data),
        Some(Contiguous::Columns(data)) => packed_transposed(x, [m, k, n], data),
        None => halves::<T>(x, m, &contiguous(w.clone())),
    }
}

fn floats(x: &[f32], m: usize, w: &Primitive) -> Vec<f32> {
    let [k, n] = w.shape().dims();
    if let Some(y) = few_rows::<f32>(x, m, w) {
        return y;
    }
    match contiguous_parts::<f32>(w) {
        Some(Contiguous::Rows(data)) if m <= SOME_ROWS || is_by_row() || packed_gemm::is_fast() => {
            packed(x, [m, k, n], data)
        }
        Some(Contiguous::Columns(data)) => packed_transposed(x, [m, k, n], data),
        None if is_by_row() => floats(x, m, &contiguous(w.clone())),
        _ => {
            let (layout, data) = (w.layout(), w.storage());
            let strides = layout.strides().try_into().expect("a matrix has two strides");
            let w = MatRef::new(data, layout.start_offset(), [k, n], strides);
            matmul::product(MatRef::row_major(x, [m, k]), w)
        }
    }
}

/// `x·w`, `[m, n]`, with the elements `[k, n]` of a matrix in row-major order.
pub(super) fn product_in_rows(x: &[f32], dims: [usize; 3], data: &[f32]) -> Vec<f32> {
    let [m, k, n] = dims;
    match m <= FEW_ROWS {
        true => gemv::product(x, m, Weight::new(data, [k, n], None)),
        false => packed(x, dims, data),
    }
}

/// The product of so few rows that each element of a contiguous matrix is read once.
fn few_rows<T: Kernel>(x: &[f32], m: usize, w: &Primitive) -> Option<Vec<f32>> {
    let [k, n] = w.shape().dims();
    match contiguous_parts::<T>(w)? {
        Contiguous::Rows(data) if m <= FEW_ROWS => Some(gemv::product(x, m, Weight::new(data, [k, n], None))),
        Contiguous::Columns(data) if m <= FEW_ROWS_TRANSPOSED || is_by_row() => {
            Some(small_gemm::product(x, data, [m, k, n]))
        }
        _ => None,
    }
}

fn packed<T: Kernel>(x: &[f32], [m, k, n]: [usize; 3], data: &[T]) -> Vec<f32> {
    let weight = Weight::new(data, [k, n], None);
    match is_by_row() {
        true => packed_gemm::product_in_parts(x, [m, k, n], &weight, gemv::part([k, n])),
        false => packed_gemm::product(x, [m, k, n], &weight),
    }
}

fn packed_transposed<T: Kernel>(x: &[f32], [m, k, n]: [usize; 3], data: &[T]) -> Vec<f32> {
    packed_gemm::product(x, [m, k, n], &Transposed(Weight::new(data, [n, k], None)))
}

/// An element of a weight, for the kernels and for burn.
trait Kernel: Element + burn::tensor::Element + Pod {}

impl<T: Element + burn::tensor::Element + Pod> Kernel for T {}

/// The elements of a matrix that fill a part of the memory.
enum Contiguous<'a, T> {
    /// Row after row.
    Rows(&'a [T]),
    /// Column after column.
    Columns(&'a [T]),
}

fn contiguous_parts<T: Kernel>(w: &Primitive) -> Option<Contiguous<'_, T>> {
    let ([k, n], layout): ([usize; 2], _) = (w.shape().dims(), w.layout());
    let data = || w.storage().get(layout.start_offset()..layout.start_offset() + k * n);
    match *layout.strides() {
        [row, 1] if row == n as isize => data().map(Contiguous::Rows),
        [1, column] if column == k as isize => data().map(Contiguous::Columns),
        _ => None,
    }
}
