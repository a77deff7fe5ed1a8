//! The sums in plain loops, for machines without the instructions of the other files.

use super::nibbles::OFFSET;

/// Adds, for each of some columns, the products of the lines of bytes with `x`. Lines begin `stride` bytes apart.
#[inline(always)]
pub(super) fn add_bytes(lines: &[i8], stride: usize, x: &[i8], sums: &mut [i32]) {
    for (line, x) in lines.chunks(stride).zip(x) {
        for (sum, w) in sums.iter_mut().zip(line) {
            *sum += i32::from(*w) * i32::from(*x);
        }
    }
}

/// The same for lines of two inputs per byte.
#[inline(always)]
pub(super) fn add_nibbles(lines: &[u8], stride: usize, x: &[i8], sums: &mut [i32]) {
    for (line, x) in lines.chunks(stride).zip(x.chunks(2)) {
        let (low, high) = (i32::from(x[0]), x.get(1).map_or(0, |x| i32::from(*x)));
        for (sum, byte) in sums.iter_mut().zip(line) {
            let [w_low, w_high] = [byte & 15, byte >> 4].map(|w| i32::from(w as i8 - OFFSET));
            *sum += w_low * low + w_high * high;
        }
    }
}

/// `out += sums · (scales · scale)`
#[inline(always)]
pub(super) fn add_scaled(out: &mut [f32], sums: &[i32], scales: &[f32], scale: f32) {
    for ((out, sum), of_weight) in out.iter_mut().zip(sums).zip(scales) {
        *out += *sum as f32 * (of_weight * scale);
    }
}
