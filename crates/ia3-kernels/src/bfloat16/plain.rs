//! Products of blocks by loops.

use super::operands::Operands;
use super::{BLOCK, DEPTH, SIZE};

/// Writes the product of the blocks to 32 rows and columns of `y`, or adds it to them.
///
/// # Safety
///
/// `y` must point to 32 rows of 32 elements, `stride` apart, that may be written, and that are initialised if `add`.
pub(super) unsafe fn multiply(operands: &Operands, y: *mut f32, stride: usize, add: bool) {
    for row in 0..BLOCK {
        for column in 0..BLOCK {
            // SAFETY: the element is one of 32 rows and columns, for which the caller answers.
            unsafe {
                let y = y.add(row * stride + column);
                y.write(dot(operands, row, column, if add { *y } else { 0.0 }));
            }
        }
    }
}

/// The sum of the products of a row and a column, added to `sum`.
fn dot(operands: &Operands, row: usize, column: usize, mut sum: f32) -> f32 {
    let blocks = operands.x.chunks_exact(operands.parts * SIZE).zip(operands.w.chunks_exact(SIZE / 2));
    for (x, w) in blocks {
        for x in x.chunks_exact(SIZE) {
            for i in 0..DEPTH {
                let pair = w[(column / 16 * DEPTH / 2 + i / 2) * 16 + column % 16];
                let w = float((pair >> (16 * (i % 2))) as u16);
                sum = float(x[row * DEPTH + i]).mul_add(w, sum);
            }
        }
    }
    sum
}

fn float(upper: u16) -> f32 {
    f32::from_bits(u32::from(upper) << 16)
}
