//! AVX2: products of pairs of bytes, one of which has no sign, are added to numbers of 16 bits.

use std::arch::x86_64::*;

use super::super::nibbles::OFFSET;
use super::super::plain;
use super::tile::{Group, LINES, Sums, fours, in_order, interleave, sweep};

/// See [`Isa::sums_of_bytes`](super::super::isa::Isa::sums_of_bytes). Returns the number of columns that were summed up.
///
/// # Safety
///
/// From `lines` on there must be `x.len()` lines of `sums.len()` bytes, `stride` bytes apart. The machine must have AVX2.
#[target_feature(enable = "avx2")]
pub(in super::super) unsafe fn bytes(lines: *const i8, stride: usize, x: &[i8], sums: &mut [i32]) -> usize {
    // SAFETY: the caller promises the lines and AVX2.
    unsafe {
        sweep(
            (lines.cast(), stride),
            (x, 1),
            0,
            sums,
            #[inline(always)]
            |x| fours(&x),
            #[inline(always)]
            |group, column, x, mut total| {
                for (half, x) in x.into_iter().enumerate().take(group.real.div_ceil(4)) {
                    let lines = std::array::from_fn(
                        #[inline(always)]
                        |i| group.load(4 * half + i, column),
                    );
                    for (total, w) in total.iter_mut().zip(interleave(lines)) {
                        // A sign moves from the weight to `x`: two products of 128 and 127 fit into 16 bits.
                        let pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
                        let fours = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
                        *total = _mm256_add_epi32(*total, fours);
                    }
                }
                total
            },
            #[inline(always)]
            |total| in_order(total),
        )
    }
}

/// See [`Isa::sums_of_nibbles`](super::super::isa::Isa::sums_of_nibbles). Returns the number of columns that were summed
/// up.
///
/// # Safety
///
/// As [`bytes`], but with one line for each two elements of `x`.
#[target_feature(enable = "avx2")]
pub(in super::super) unsafe fn nibbles(
    lines: *const u8,
    stride: usize,
    x: &[i8],
    total: i32,
    sums: &mut [i32],
) -> usize {
    // SAFETY: the caller promises the lines and AVX2.
    unsafe {
        sweep(
            (lines, stride),
            (x, 2),
            -i32::from(OFFSET) * total,
            sums,
            #[inline(always)]
            |x| -> [__m256i; LINES] {
                std::array::from_fn(
                    #[inline(always)]
                    |i| _mm256_set1_epi16(i16::from_le_bytes(x.of_line(i))),
                )
            },
            #[inline(always)]
            |group, column, x, total| widen(pairs(group, column, x), total),
            #[inline(always)]
            |total| total,
        )
    }
}

/// The sums of a tile of a group in 16 bits, which hold eight times two products of 15 and 127. The first vector has columns
/// 0 to 7 and 16 to 23, the second one the others.
///
/// # Safety
///
/// As [`Group::load`].
#[inline(always)]
unsafe fn pairs(group: &Group, column: usize, x: [__m256i; LINES]) -> [__m256i; 2] {
    // SAFETY: the caller promises the bytes and AVX2.
    unsafe {
        let mask = _mm256_set1_epi8(15);
        let mut sums = [_mm256_setzero_si256(); 2];
        for (i, x) in x.into_iter().enumerate().take(group.real) {
            let bytes = group.load(i, column);
            let low = _mm256_and_si256(bytes, mask);
            let high = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), mask);
            let w = [_mm256_unpacklo_epi8(low, high), _mm256_unpackhi_epi8(low, high)];
            for (sum, w) in sums.iter_mut().zip(w) {
                *sum = _mm256_add_epi16(*sum, _mm256_maddubs_epi16(w, x));
            }
        }
        sums
    }
}

/// Adds sums of 16 bits to those of a tile.
///
/// # Safety
///
/// The machine must have AVX2.
#[inline(always)]
unsafe fn widen([a, b]: [__m256i; 2], total: Sums) -> Sums {
    // SAFETY: the caller promises AVX2.
    unsafe {
        let low = |x| _mm256_cvtepi16_epi32(_mm256_castsi256_si128(x));
        let high = |x| _mm256_cvtepi16_epi32(_mm256_extracti128_si256::<1>(x));
        let wide = [low(a), low(b), high(a), high(b)];
        std::array::from_fn(
            #[inline(always)]
            |v| _mm256_add_epi32(total[v], wide[v]),
        )
    }
}

/// The plain loop, compiled for vectors of 256 bits.
///
/// # Safety
///
/// The machine must have AVX2.
#[target_feature(enable = "avx2")]
pub(in super::super) unsafe fn add_scaled(out: &mut [f32], sums: &[i32], scales: &[f32], scale: f32) {
    plain::add_scaled(out, sums, scales, scale);
}
