//! Blocks whose integers are numbers of a table.

use super::f16_at;
use super::integers::Integers;
use super::legacy::nibble;

const VALUES: [i8; 16] = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/// `d`, 16 bytes with two numbers each.
pub(super) fn iq4_nl(block: &[u8], out: &mut Integers) {
    out.scales[0] = f16_at(block, 0);
    out.fill(|i| VALUES[usize::from(nibble(&block[2..], i))]);
}

/// `d`, 2 bytes with the higher bits of eight scales, 4 bytes with their lower bits, 128 bytes with two numbers each.
pub(super) fn iq4_xs(block: &[u8], out: &mut Integers) {
    let d = f16_at(block, 0);
    let high = u16::from_le_bytes([block[2], block[3]]);
    for (part, scale) in out.scales.iter_mut().enumerate() {
        let low = (block[4 + part / 2] >> (part % 2 * 4)) & 15;
        let six_bits = i32::from(low) | (i32::from((high >> (2 * part)) & 3) << 4);
        *scale = d * (six_bits - 32) as f32;
    }
    out.fill(|i| VALUES[usize::from(nibble(&block[8 + i / 32 * 16..], i % 32))]);
}
