//! Blocks of 32 values with one scale, and a minimum in some.

use super::f16_at;
use super::integers::Integers;

/// `d`, 16 bytes with two integers each: `d·(q − 8)`
pub(super) fn q4_0(block: &[u8], out: &mut Integers) {
    out.scales[0] = f16_at(block, 0);
    out.fill(|i| nibble(&block[2..], i).cast_signed() - 8);
}

/// `d`, `m`, 16 bytes with two integers each: `d·q + m`
pub(super) fn q4_1(block: &[u8], out: &mut Integers) {
    (out.scales[0], out.minima[0]) = (f16_at(block, 0), f16_at(block, 2));
    out.fill(|i| nibble(&block[4..], i).cast_signed());
}

/// `d`, 4 bytes with the highest bits, 16 bytes with two integers each: `d·(q − 16)`
pub(super) fn q5_0(block: &[u8], out: &mut Integers) {
    out.scales[0] = f16_at(block, 0);
    out.fill(|i| five_bits(&block[2..], i).cast_signed() - 16);
}

/// `d`, `m`, 4 bytes with the highest bits, 16 bytes with two integers each: `d·q + m`
pub(super) fn q5_1(block: &[u8], out: &mut Integers) {
    (out.scales[0], out.minima[0]) = (f16_at(block, 0), f16_at(block, 2));
    out.fill(|i| five_bits(&block[4..], i).cast_signed());
}

/// `d`, 32 signed bytes: `d·q`
pub(super) fn q8_0(block: &[u8], out: &mut Integers) {
    out.scales[0] = f16_at(block, 0);
    out.fill(|i| block[2 + i].cast_signed());
}

/// The integer `i` of 32: the lower halves of the bytes come first.
pub(super) fn nibble(bytes: &[u8], i: usize) -> u8 {
    if i < 16 { bytes[i] & 15 } else { bytes[i - 16] >> 4 }
}

/// The integer `i` of 32, whose highest bits are in the first 4 bytes.
pub(super) fn five_bits(bytes: &[u8], i: usize) -> u8 {
    nibble(&bytes[4..], i) | (((bytes[i / 8] >> (i % 8)) & 1) << 4)
}
