//! Quantising values to blocks, as the reference quantiser of ggml does.

use half::{bf16, f16};

use super::Format;

/// Whether values can be quantised to a format.
pub(super) fn can_encode(format: Format) -> bool {
    use Format::{Bf16, F16, F32, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0};
    matches!(format, F32 | F16 | Bf16 | Q4_0 | Q4_1 | Q5_0 | Q5_1 | Q8_0)
}

/// Quantises the values of one block. Returns `false` for a format that is not quantised to.
pub(super) fn encode(format: Format, values: &[f32], block: &mut [u8]) -> bool {
    match format {
        Format::F32 => block.copy_from_slice(&values[0].to_le_bytes()),
        Format::F16 => block.copy_from_slice(&f16::from_f32(values[0]).to_le_bytes()),
        Format::Bf16 => block.copy_from_slice(&bf16::from_f32(values[0]).to_le_bytes()),
        Format::Q4_0 => symmetric(values, block, 8.0),
        Format::Q5_0 => symmetric(values, block, 16.0),
        Format::Q4_1 => with_minimum(values, block, 15.0),
        Format::Q5_1 => with_minimum(values, block, 31.0),
        Format::Q8_0 => q8_0(values, block),
        _ => return false,
    }
    true
}

/// The value of the largest magnitude becomes the integer 0, which stands for `−zero`.
fn symmetric(values: &[f32], block: &mut [u8], zero: f32) {
    let largest = values.iter().fold(0.0_f32, |max, v| if v.abs() > max.abs() { *v } else { max });
    let d = largest / -zero;
    put_half(block, 0, d);
    let top = 2.0 * zero - 1.0;
    let inverse = inverse(d);
    put_integers(&mut block[2..], zero > 8.0, |i| (values[i] * inverse + (zero + 0.5)).min(top) as u8);
}

fn with_minimum(values: &[f32], block: &mut [u8], top: f32) {
    let (min, max) = values.iter().fold((f32::MAX, f32::MIN), |(min, max), v| (min.min(*v), max.max(*v)));
    let d = (max - min) / top;
    put_half(block, 0, d);
    put_half(block, 2, min);
    let inverse = inverse(d);
    put_integers(&mut block[4..], top > 15.0, |i| ((values[i] - min) * inverse + 0.5).min(top) as u8);
}

fn q8_0(values: &[f32], block: &mut [u8]) {
    let d = values.iter().fold(0.0_f32, |max, v| max.max(v.abs())) / 127.0;
    put_half(block, 0, d);
    let inverse = inverse(d);
    for (q, value) in block[2..].iter_mut().zip(values) {
        *q = ((value * inverse).round() as i8).cast_unsigned();
    }
}

fn inverse(d: f32) -> f32 {
    if d == 0.0 { 0.0 } else { 1.0 / d }
}

fn put_half(block: &mut [u8], at: usize, value: f32) {
    block[at..at + 2].copy_from_slice(&f16::from_f32(value).to_le_bytes());
}

/// Writes 32 integers: the highest of five bits into the first 4 bytes, if there are five, and the others into 16 bytes.
fn put_integers(bytes: &mut [u8], five_bits: bool, integer: impl Fn(usize) -> u8) {
    bytes.fill(0);
    let (high, low) = bytes.split_at_mut(if five_bits { 4 } else { 0 });
    for i in 0..32 {
        let q = integer(i);
        low[i % 16] |= (q & 15) << (i / 16 * 4);
        if five_bits {
            high[i / 8] |= (q >> 4) << (i % 8);
        }
    }
}
