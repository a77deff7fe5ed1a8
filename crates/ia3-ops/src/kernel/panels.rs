//! How matrices become panels for [`gemm::product`](super::gemm::product).

use std::ops::Range;

use super::few::{Lines, Scales};
use super::gemm::Panels;

/// The transpose of a matrix in row-major order.
pub(crate) struct Transposed<M>(pub(crate) M);

impl Panels for Transposed<Lines<'_, f32>> {
    #[inline(always)]
    fn pack(&self, panel: &mut [f32], stride: usize, rows: Range<usize>, columns: Range<usize>) {
        let Lines { data, outputs, .. } = self.0;
        turn_all(panel, stride, [rows.len(), columns.len()], |column, row, out| {
            out.copy_from_slice(&data[(columns.start + column) * outputs + rows.start + row..][..out.len()]);
        });
    }
}

/// Bytes times their scales.
pub(crate) struct Scaled<'a> {
    pub(crate) bytes: &'a [i8],
    pub(crate) outputs: usize,
    pub(crate) scales: Scales<'a>,
}

impl Scaled<'_> {
    /// Writes what the input `input` weighs in the outputs from `from` on.
    #[inline(always)]
    fn write(&self, input: usize, from: usize, out: &mut [f32]) {
        let bytes = &self.bytes[input * self.outputs + from..];
        let scales = &self.scales.values[input / self.scales.block * self.outputs + from..];
        for ((out, &byte), scale) in out.iter_mut().zip(bytes).zip(scales) {
            *out = f32::from(byte) * scale;
        }
    }
}

impl Panels for Scaled<'_> {
    #[inline(always)]
    fn pack(&self, panel: &mut [f32], stride: usize, rows: Range<usize>, columns: Range<usize>) {
        for (row, out) in rows.zip(panel.chunks_exact_mut(stride)) {
            self.write(row, columns.start, &mut out[..columns.len()]);
        }
    }
}

impl Panels for Transposed<Scaled<'_>> {
    #[inline(always)]
    fn pack(&self, panel: &mut [f32], stride: usize, rows: Range<usize>, columns: Range<usize>) {
        turn_all(panel, stride, [rows.len(), columns.len()], |column, row, out| {
            self.0.write(columns.start + column, rows.start + row, out);
        });
    }
}

/// The side of the squares that are turned at once.
const SQUARE: usize = 16;

/// Writes columns that `read` knows as lines, given a column, the row of the first value and where to put the values.
#[inline(always)]
fn turn_all(
    panel: &mut [f32],
    stride: usize,
    [rows, columns]: [usize; 2],
    read: impl Fn(usize, usize, &mut [f32]),
) {
    for column in (0..columns).step_by(SQUARE) {
        for row in (0..rows).step_by(SQUARE) {
            let (width, height) = (SQUARE.min(columns - column), SQUARE.min(rows - row));
            let out = &mut panel[row * stride + column..];
            let read = |i: usize, out: &mut [f32]| read(column + i, row, out);
            // Of known size where it can be, which the compiler makes moves of whole vectors.
            match (width, height) {
                (SQUARE, SQUARE) => turn(out, stride, [SQUARE, SQUARE], read),
                _ => turn(out, stride, [width, height], read),
            }
        }
    }
}

#[inline(always)]
fn turn(out: &mut [f32], stride: usize, [width, height]: [usize; 2], read: impl Fn(usize, &mut [f32])) {
    let mut square = [[0f32; SQUARE]; SQUARE];
    for (i, line) in square.iter_mut().enumerate().take(width) {
        read(i, &mut line[..height]);
    }
    for i in 0..height {
        let out = &mut out[i * stride..][..width];
        for (out, line) in out.iter_mut().zip(&square) {
            *out = line[i];
        }
    }
}
