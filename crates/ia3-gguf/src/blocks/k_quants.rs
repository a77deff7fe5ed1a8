//! Blocks of 256 values, whose parts of 16 or 32 values have small integers as scales of their own.

use super::f16_at;

/// 16 bytes with scales and minima, 64 bytes of integers, `d`, `dmin`: `d·scale·q − dmin·min`
pub(super) fn q2(block: &[u8], values: &mut [f32]) {
    let (d, dmin) = (f16_at(block, 80), f16_at(block, 82));
    for (i, value) in values.iter_mut().enumerate() {
        let scales = block[i / 16];
        let q = (block[16 + i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2)) & 3;
        *value = d * f32::from(scales & 15) * f32::from(q) - dmin * f32::from(scales >> 4);
    }
}

/// 32 bytes with the highest bits, 64 bytes of integers, 12 bytes of scales, `d`: `d·(scale − 32)·(q − 4)`
pub(super) fn q3(block: &[u8], values: &mut [f32]) {
    let d = f16_at(block, 108);
    for (i, value) in values.iter_mut().enumerate() {
        let scale = i32::from(q3_scale(&block[96..108], i / 16)) - 32;
        *value = d * scale as f32 * (i32::from(q3_integer(block, i)) - 4) as f32;
    }
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
pub(super) fn q4(block: &[u8], values: &mut [f32]) {
    let (d, dmin) = (f16_at(block, 0), f16_at(block, 2));
    for (i, value) in values.iter_mut().enumerate() {
        let (scale, min) = scale_and_min(&block[4..16], i / 32);
        let q = (block[16 + i / 64 * 32 + i % 32] >> (i % 64 / 32 * 4)) & 15;
        *value = d * f32::from(scale) * f32::from(q) - dmin * f32::from(min);
    }
}

/// `d`, `dmin`, 12 bytes with scales and minima, 32 bytes with the highest bits, 128 bytes of integers.
pub(super) fn q5(block: &[u8], values: &mut [f32]) {
    let (d, dmin) = (f16_at(block, 0), f16_at(block, 2));
    for (i, value) in values.iter_mut().enumerate() {
        let (scale, min) = scale_and_min(&block[4..16], i / 32);
        let low = (block[48 + i / 64 * 32 + i % 32] >> (i % 64 / 32 * 4)) & 15;
        let q = low | (((block[16 + i % 32] >> (i / 32)) & 1) << 4);
        *value = d * f32::from(scale) * f32::from(q) - dmin * f32::from(min);
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
pub(super) fn q6(block: &[u8], values: &mut [f32]) {
    let d = f16_at(block, 208);
    for (i, value) in values.iter_mut().enumerate() {
        let scale = f32::from(block[192 + i / 16].cast_signed());
        *value = d * scale * (i32::from(q6_integer(block, i)) - 32) as f32;
    }
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
