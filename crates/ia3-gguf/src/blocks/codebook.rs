//! Blocks whose integers are numbers of a table.

use super::f16_at;
use super::legacy::nibble;

const VALUES: [i8; 16] = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/// `d`, 16 bytes with two numbers each.
pub(super) fn iq4_nl(block: &[u8], values: &mut [f32]) {
    let d = f16_at(block, 0);
    for (i, value) in values.iter_mut().enumerate() {
        *value = d * f32::from(VALUES[usize::from(nibble(&block[2..], i))]);
    }
}

/// `d`, 2 bytes with the higher bits of eight scales, 4 bytes with their lower bits, 128 bytes with two numbers each.
pub(super) fn iq4_xs(block: &[u8], values: &mut [f32]) {
    let d = f16_at(block, 0);
    let high = u16::from_le_bytes([block[2], block[3]]);
    for (part, values) in values.chunks_exact_mut(32).enumerate() {
        let low = (block[4 + part / 2] >> (part % 2 * 4)) & 15;
        let scale = i32::from(low) | (i32::from((high >> (2 * part)) & 3) << 4);
        let d = d * (scale - 32) as f32;
        for (i, value) in values.iter_mut().enumerate() {
            *value = d * f32::from(VALUES[usize::from(nibble(&block[8 + part * 16..], i))]);
        }
    }
}
