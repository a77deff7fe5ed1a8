//! Blocks of 32 values with one scale, and a minimum in some.

use super::f16_at;

/// `d`, 16 bytes with two integers each: `d·(q − 8)`
pub(super) fn q4_0(block: &[u8], values: &mut [f32]) {
    let d = f16_at(block, 0);
    for (i, value) in values.iter_mut().enumerate() {
        *value = d * (i32::from(nibble(&block[2..], i)) - 8) as f32;
    }
}

/// `d`, `m`, 16 bytes with two integers each: `d·q + m`
pub(super) fn q4_1(block: &[u8], values: &mut [f32]) {
    let (d, m) = (f16_at(block, 0), f16_at(block, 2));
    for (i, value) in values.iter_mut().enumerate() {
        *value = d * f32::from(nibble(&block[4..], i)) + m;
    }
}

/// `d`, 4 bytes with the highest bits, 16 bytes with two integers each: `d·(q − 16)`
pub(super) fn q5_0(block: &[u8], values: &mut [f32]) {
    let d = f16_at(block, 0);
    for (i, value) in values.iter_mut().enumerate() {
        *value = d * (i32::from(five_bits(&block[2..], i)) - 16) as f32;
    }
}

/// `d`, `m`, 4 bytes with the highest bits, 16 bytes with two integers each: `d·q + m`
pub(super) fn q5_1(block: &[u8], values: &mut [f32]) {
    let (d, m) = (f16_at(block, 0), f16_at(block, 2));
    for (i, value) in values.iter_mut().enumerate() {
        *value = d * f32::from(five_bits(&block[4..], i)) + m;
    }
}

/// `d`, 32 signed bytes: `d·q`
pub(super) fn q8_0(block: &[u8], values: &mut [f32]) {
    let d = f16_at(block, 0);
    for (value, q) in values.iter_mut().zip(&block[2..]) {
        *value = f32::from(q.cast_signed()) * d;
    }
}

/// The integer `i` of 32: the lower halves of the bytes come first.
pub(super) fn nibble(bytes: &[u8], i: usize) -> u8 {
    if i < 16 { bytes[i] & 15 } else { bytes[i - 16] >> 4 }
}

/// The integer `i` of 32, whose highest bits are in the first 4 bytes.
pub(super) fn five_bits(bytes: &[u8], i: usize) -> u8 {
    nibble(&bytes[4..], i) | (((bytes[i / 8] >> (i % 8)) & 1) << 4)
}
