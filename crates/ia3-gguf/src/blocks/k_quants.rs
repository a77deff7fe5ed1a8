//! Blocks of 256 values, whose parts of 16 or 32 values have small integers as scales of their own.

use super::f16_at;
use super::integers::Integers;

/// 16 bytes with scales and minima, 64 bytes of integers, `d`, `dmin`: `d·scale·q − dmin·min`
pub(super) fn q2(block: &[u8], out: &mut Integers) {
    let (d, dmin) = (f16_at(block, 80), f16_at(block, 82));
    for (part, (scale, minimum)) in out.scales.iter_mut().zip(&mut *out.minima).enumerate() {
        (*scale, *minimum) = (d * f32::from(block[part] & 15), -(dmin * f32::from(block[part] >> 4)));
    }
    out.fill(|i| ((block[16 + i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2)) & 3).cast_signed());
}

/// 32 bytes with the highest bits, 64 bytes of integers, 12 bytes of scales, `d`: `d·(scale − 32)·(q − 4)`
pub(super) fn q3(block: &[u8], out: &mut Integers) {
    let d = f16_at(block, 108);
    for (part, scale) in out.scales.iter_mut().enumerate() {
        *scale = d * (i32::from(q3_scale(&block[96..108], part)) - 32) as f32;
    }
    out.fill(|i| q3_integer(block, i).cast_signed() - 4);
}

fn q3_scale(scales: &[u8], part: usize) -> u8 {
    let low = (scales[part % 8] >> (part / 8 * 4)) & 15;
    low | (((scales[8 + part % 4] >> (part / 4 * 2)) & 3) << 4)
}

/// The integer `i` with its highest bit, from 0 to 7.
pub(super) fn q3_integer(block: &[u8], i: usize) -> u8 {
    let low = (block[32 + i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2)) & 3;
    low | (((block[i % 32] >> (i / 32)) & 1) << 2)
}

/// `d`, `dmin`, 12 bytes with scales and minima, 128 bytes of integers: `d·scale·q − dmin·min`
pub(super) fn q4(block: &[u8], out: &mut Integers) {
    scales_and_minima(block, out);
    out.fill(|i| ((block[16 + i / 64 * 32 + i % 32] >> (i % 64 / 32 * 4)) & 15).cast_signed());
}

/// `d`, `dmin`, 12 bytes with scales and minima, 32 bytes with the highest bits, 128 bytes of integers.
pub(super) fn q5(block: &[u8], out: &mut Integers) {
    scales_and_minima(block, out);
    out.fill(|i| {
        let low = (block[48 + i / 64 * 32 + i % 32] >> (i % 64 / 32 * 4)) & 15;
        (low | (((block[16 + i % 32] >> (i / 32)) & 1) << 4)).cast_signed()
    });
}

/// The scales and minima of a block that begins with `d`, `dmin` and 12 bytes of them.
fn scales_and_minima(block: &[u8], out: &mut Integers) {
    let (d, dmin) = (f16_at(block, 0), f16_at(block, 2));
    for (part, (scale, minimum)) in out.scales.iter_mut().zip(&mut *out.minima).enumerate() {
        let (of_scale, of_minimum) = scale_and_min(&block[4..16], part);
        (*scale, *minimum) = (d * f32::from(of_scale), -(dmin * f32::from(of_minimum)));
    }
}

/// Six bits each of the eight scales and minima.
fn scale_and_min(bytes: &[u8], part: usize) -> (u8, u8) {
    match part {
        0..4 => (bytes[part] & 63, bytes[part + 4] & 63),
        _ => {
            let (scale, min, both) = (bytes[part - 4], bytes[part], bytes[part + 4]);
            ((both & 15) | (scale >> 6 << 4), (both >> 4) | (min >> 6 << 4))
        }
    }
}

/// 128 bytes of integers, 64 bytes with their two highest bits, 16 signed scales, `d`: `d·scale·(q − 32)`
pub(super) fn q6(block: &[u8], out: &mut Integers) {
    let d = f16_at(block, 208);
    for (scale, of_part) in out.scales.iter_mut().zip(&block[192..208]) {
        *scale = d * f32::from(of_part.cast_signed());
    }
    out.fill(|i| q6_integer(block, i).cast_signed() - 32);
}

/// The integer `i`, from 0 to 63.
pub(super) fn q6_integer(block: &[u8], i: usize) -> u8 {
    let ((low, low_shift), (high, high_shift)) = q6_place(i);
    ((block[low] >> low_shift) & 15) | (((block[high] >> high_shift) & 3) << 4)
}

/// The byte and the shift of the four lower bits and of the two higher bits.
pub(super) fn q6_place(i: usize) -> ((usize, usize), (usize, usize)) {
    let half = i / 128;
    ((half * 64 + i % 64, i % 128 / 64 * 4), (128 + half * 32 + i % 32, i % 128 / 32 * 2))
}
