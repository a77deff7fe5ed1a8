//! AVX-512 VNNI in vectors of 256 bits: products of groups of four bytes, one of which has no sign, are added to numbers of
//! 32 bits.

use std::arch::x86_64::*;

use super::super::nibbles::OFFSET;
use super::tile::{fours, in_order, interleave, pairs, sweep};

/// See [`avx2::bytes`](super::avx2::bytes); `total` is the sum of `x`.
///
/// # Safety
///
/// As [`avx2::bytes`](super::avx2::bytes). The machine must have AVX-512 VNNI and VL too.
#[target_feature(enable = "avx2,avx512vnni,avx512vl")]
pub(in super::super) unsafe fn bytes(
    lines: *const i8,
    stride: usize,
    x: &[i8],
    total: i32,
    sums: &mut [i32],
) -> usize {
    // SAFETY: the caller promises the lines and the instructions.
    unsafe {
        sweep(
            (lines.cast(), stride),
            (x, 1),
            // The weight plus 128 has no sign.
            -128 * total,
            sums,
            #[inline(always)]
            |x| fours(&x),
            #[inline(always)]
            |group, column, x, mut total| {
                let sign = _mm256_set1_epi8(-128);
                for (half, x) in x.into_iter().enumerate().take(group.real.div_ceil(4)) {
                    let lines = std::array::from_fn(
                        #[inline(always)]
                        |i| _mm256_xor_si256(group.load(4 * half + i, column), sign),
                    );
                    for (total, w) in total.iter_mut().zip(interleave(lines)) {
                        *total = _mm256_dpbusd_epi32(*total, w, x);
                    }
                }
                total
            },
            #[inline(always)]
            |total| in_order(total),
        )
    }
}

/// See [`avx2::nibbles`](super::avx2::nibbles).
///
/// # Safety
///
/// As [`avx2::nibbles`](super::avx2::nibbles). The machine must have AVX-512 VNNI and VL too.
#[target_feature(enable = "avx2,avx512vnni,avx512vl")]
pub(in super::super) unsafe fn nibbles(
    lines: *const u8,
    stride: usize,
    x: &[i8],
    total: i32,
    sums: &mut [i32],
) -> usize {
    // SAFETY: the caller promises the lines and the instructions.
    unsafe {
        sweep(
            (lines, stride),
            (x, 2),
            -i32::from(OFFSET) * total,
            sums,
            #[inline(always)]
            |x| pairs(&x),
            #[inline(always)]
            |group, column, x, mut total| {
                let mask = _mm256_set1_epi8(15);
                for (pair, x) in x.into_iter().enumerate().take(group.real.div_ceil(2)) {
                    let [a, b] = [group.load(2 * pair, column), group.load(2 * pair + 1, column)];
                    let high = |bytes| _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), mask);
                    let lines = [_mm256_and_si256(a, mask), high(a), _mm256_and_si256(b, mask), high(b)];
                    for (total, w) in total.iter_mut().zip(interleave(lines)) {
                        *total = _mm256_dpbusd_epi32(*total, w, x);
                    }
                }
                total
            },
            #[inline(always)]
            |total| in_order(total),
        )
    }
}
