//! How a weight becomes panels.

use std::ops::Range;

use crate::integer::Nibbles;
use crate::weight::{Element, Scales, Weight};

/// The second matrix of a product.
pub trait Pack: Sync {
    /// Its shape `[k, n]`.
    fn dims(&self) -> [usize; 2];

    /// Writes some rows and columns to `panel`, in which rows begin `stride` elements apart. Where there are fewer columns
    /// than `stride`, the rest of each row is left as it is.
    ///
    /// # Panics
    ///
    /// Panics if the rows and columns are not there, or if the panel is too small.
    fn pack(&self, panel: &mut [f32], stride: usize, rows: Range<usize>, columns: Range<usize>);
}

impl<T: Element> Pack for Weight<'_, T> {
    fn dims(&self) -> [usize; 2] {
        Weight::dims(self)
    }

    #[inline(always)]
    fn pack(&self, panel: &mut [f32], stride: usize, rows: Range<usize>, columns: Range<usize>) {
        for (row, out) in rows.zip(panel.chunks_exact_mut(stride)) {
            let out = &mut out[..columns.len()];
            match self.scales() {
                None => self.read(row, columns.start, out),
                Some(scales) => self.read_scaled(scales, row, columns.start, out),
            }
        }
    }
}

impl Pack for Nibbles<'_> {
    fn dims(&self) -> [usize; 2] {
        Nibbles::dims(self)
    }

    #[inline(always)]
    fn pack(&self, panel: &mut [f32], stride: usize, rows: Range<usize>, columns: Range<usize>) {
        for (row, out) in rows.zip(panel.chunks_exact_mut(stride)) {
            self.read_scaled(row, columns.start, &mut out[..columns.len()]);
        }
    }
}

/// The transpose of a weight.
pub struct Transposed<W>(pub W);

impl<T: Element> Pack for Transposed<Weight<'_, T>> {
    fn dims(&self) -> [usize; 2] {
        let [inputs, outputs] = self.0.dims();
        [outputs, inputs]
    }

    #[inline(always)]
    fn pack(&self, panel: &mut [f32], stride: usize, rows: Range<usize>, columns: Range<usize>) {
        let (weight, size) = (self.0, [rows.len(), columns.len()]);
        match weight.scales() {
            None => transpose(
                panel,
                stride,
                size,
                #[inline(always)]
                |column, row, out| weight.read(columns.start + column, rows.start + row, out),
            ),
            Some(scales) => transpose(
                panel,
                stride,
                size,
                #[inline(always)]
                |column, row, out| {
                    weight.read_scaled(scales, columns.start + column, rows.start + row, out);
                },
            ),
        }
    }
}

impl Pack for Transposed<Nibbles<'_>> {
    fn dims(&self) -> [usize; 2] {
        let [inputs, outputs] = self.0.dims();
        [outputs, inputs]
    }

    #[inline(always)]
    fn pack(&self, panel: &mut [f32], stride: usize, rows: Range<usize>, columns: Range<usize>) {
        transpose(
            panel,
            stride,
            [rows.len(), columns.len()],
            #[inline(always)]
            |column, row, out| self.0.read_scaled(columns.start + column, rows.start + row, out),
        );
    }
}

impl<T: Element> Weight<'_, T> {
    /// Copies what the input `input` weighs in the outputs from `from` on, without scales.
    #[inline(always)]
    fn read(&self, input: usize, from: usize, out: &mut [f32]) {
        let data = &self.data()[input * Weight::dims(self)[1] + from..][..out.len()];
        out.iter_mut().zip(data).for_each(|(out, x)| *out = x.float());
    }

    /// The same, times the scales.
    #[inline(always)]
    fn read_scaled(&self, scales: Scales, input: usize, from: usize, out: &mut [f32]) {
        let outputs = Weight::dims(self)[1];
        let data = &self.data()[input * outputs + from..][..out.len()];
        let scales = &scales.values[input / scales.block * outputs + from..][..out.len()];
        for ((out, x), scale) in out.iter_mut().zip(data).zip(scales) {
            *out = x.float() * scale;
        }
    }
}

/// The side of the squares that are transposed at once.
const SQUARE: usize = 16;

/// Writes a panel of the transpose. `read` gets a column, a row and a slice, into which it copies the elements of that
/// column from that row on.
#[inline(always)]
fn transpose(
    panel: &mut [f32],
    stride: usize,
    [rows, columns]: [usize; 2],
    read: impl Fn(usize, usize, &mut [f32]),
) {
    for column in (0..columns).step_by(SQUARE) {
        for row in (0..rows).step_by(SQUARE) {
            let (width, height) = (SQUARE.min(columns - column), SQUARE.min(rows - row));
            let out = &mut panel[row * stride + column..];
            // Where the size is known at compile time, the compiler moves whole vectors.
            match (width, height) {
                (SQUARE, SQUARE) => transpose_square(
                    out,
                    stride,
                    [SQUARE, SQUARE],
                    #[inline(always)]
                    |i, out| read(column + i, row, out),
                ),
                _ => transpose_square(
                    out,
                    stride,
                    [width, height],
                    #[inline(always)]
                    |i, out| read(column + i, row, out),
                ),
            }
        }
    }
}

#[inline(always)]
fn transpose_square(
    out: &mut [f32],
    stride: usize,
    [width, height]: [usize; 2],
    read: impl Fn(usize, &mut [f32]),
) {
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
