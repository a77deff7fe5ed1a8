//! Products of blocks by AVX-512 BF16, which multiplies pairs.

use std::arch::x86_64::*;

use super::operands::Operands;
use super::{BLOCK, DEPTH, SIZE};

/// Rows of `x` whose sums stay in registers, two vectors each.
const ROWS: usize = 8;

/// Numbers of a vector.
const LANES: usize = 16;

pub(super) fn is_available() -> bool {
    !cfg!(miri) && is_x86_feature_detected!("avx512bf16") && is_x86_feature_detected!("avx512f")
}

/// Writes the product of the blocks to 32 rows and columns of `y`, or adds it to them.
///
/// # Safety
///
/// `y` must point to 32 rows of 32 elements, `stride` apart, that may be written, and that are initialised if `add`. The machine must
/// have AVX-512 BF16.
#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) unsafe fn multiply(operands: &Operands, y: *mut f32, stride: usize, add: bool) {
    for row in (0..BLOCK).step_by(ROWS) {
        // SAFETY: the rows are eight of the 32, for which the caller answers.
        unsafe { rows(operands, row, y.add(row * stride), stride, add) };
    }
}

/// # Safety
///
/// As [`multiply`], for eight rows from `row` on, which `y` points to.
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn rows(operands: &Operands, row: usize, y: *mut f32, stride: usize, add: bool) {
    let Operands { x, w, parts } = *operands;
    let steps = operands.steps();
    assert!(x.len() >= steps * parts * SIZE && w.len() >= steps * SIZE / 2 && row + ROWS <= BLOCK);
    let mut sums = [[_mm512_setzero_ps(); 2]; ROWS];
    if add {
        for (r, sums) in sums.iter_mut().enumerate() {
            for (v, sum) in sums.iter_mut().enumerate() {
                // SAFETY: `y` has 32 initialised elements in this row.
                *sum = unsafe { _mm512_loadu_ps(y.add(r * stride + v * LANES)) };
            }
        }
    }
    for step in 0..steps {
        for part in 0..parts {
            for pair in 0..DEPTH / 2 {
                // SAFETY: the block `step` of the weight has two tiles of 16 pairs of 16 columns, and that block and part of `x` has 32
                // rows of 32 inputs, which is asserted.
                unsafe {
                    let w = [0, SIZE / 4].map(|tile| {
                        let at = w.as_ptr().add(step * SIZE / 2 + tile + pair * LANES);
                        std::mem::transmute::<__m512i, __m512bh>(_mm512_loadu_si512(at.cast()))
                    });
                    let x = x.as_ptr().add((step * parts + part) * SIZE + row * DEPTH + 2 * pair);
                    for (r, sums) in sums.iter_mut().enumerate() {
                        let x = _mm512_set1_epi32(x.add(r * DEPTH).cast::<i32>().read_unaligned());
                        let x = std::mem::transmute::<__m512i, __m512bh>(x);
                        for (sum, w) in sums.iter_mut().zip(w) {
                            *sum = _mm512_dpbf16_ps(*sum, x, w);
                        }
                    }
                }
            }
        }
    }
    for (r, sums) in sums.into_iter().enumerate() {
        for (v, sum) in sums.into_iter().enumerate() {
            // SAFETY: `y` has 32 elements in this row, which may be written.
            unsafe { _mm512_storeu_ps(y.add(r * stride + v * LANES), sum) };
        }
    }
}
