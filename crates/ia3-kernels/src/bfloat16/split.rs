//! Rows of float32 as tiles of bfloat16.

use std::cell::RefCell;

use crate::fetch::fetch_all;
use crate::simd::vectorised;
use crate::threads;

use super::{BLOCK, DEPTH, SIZE};

/// How many numbers in bfloat16 stand for one of `x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parts {
    /// One: `x` is in bfloat16.
    One,
    /// Three, whose sum is the float32.
    Three,
}

impl Parts {
    pub(super) fn count(self) -> usize {
        match self {
            Self::One => 1,
            Self::Three => 3,
        }
    }
}

/// The rows in blocks of 32 rows and 32 inputs, `[rows / 32, steps, parts, 32, 32]`, with zeros up to a whole number of blocks.
pub(super) struct Split<'a> {
    pub(super) blocks: &'a [u16],
    /// Blocks along the inputs.
    pub(super) steps: usize,
    pub(super) parts: usize,
}

/// Elements that a thread keeps for the next product.
const KEPT: usize = 8 << 20;

thread_local! {
    static MEMORY: RefCell<Vec<u16>> = const { RefCell::new(vec![]) };
}

/// Splits `x`, rows of `k` elements, and calls `f` with the tiles.
pub(super) fn with(x: &[f32], k: usize, parts: Parts, f: impl FnOnce(&Split)) {
    // A thread that waits for tasks may begin another product meanwhile, so the memory is taken.
    let mut memory = MEMORY.take();
    let (steps, parts) = (k.div_ceil(DEPTH), parts.count());
    let size = steps * parts * SIZE;
    memory.resize((x.len() / k).div_ceil(BLOCK) * size, 0);
    let bands = memory.chunks_exact_mut(size).zip(x.chunks(BLOCK * k)).collect();
    threads::for_each(bands, |(blocks, x): (&mut [u16], &[f32])| {
        vectorised(
            #[inline(always)]
            || split(x, k, parts, blocks),
        );
    });
    f(&Split { blocks: &memory, steps, parts });
    if memory.len() <= KEPT {
        MEMORY.set(memory);
    }
}

/// Writes the blocks of up to 32 rows.
#[inline(always)]
fn split(x: &[f32], k: usize, parts: usize, blocks: &mut [u16]) {
    if x.len() < BLOCK * k {
        blocks.fill(0);
    }
    for (step, block) in blocks.chunks_exact_mut(parts * SIZE).enumerate() {
        for (row, x) in x.chunks_exact(k).enumerate() {
            let x = &x[step * DEPTH..];
            // Rows lie too far apart for the machine to see what comes next.
            fetch_all(x.as_ptr().wrapping_add(2 * DEPTH), DEPTH);
            let mut last = [0.0; DEPTH];
            let chunk = x.first_chunk().unwrap_or_else(|| {
                last[..x.len()].copy_from_slice(x);
                &last
            });
            split_chunk(chunk, parts, &mut block[row * DEPTH..]);
        }
    }
}

/// Writes the parts of 32 numbers, each to its own block.
#[inline(always)]
fn split_chunk(x: &[f32; DEPTH], parts: usize, block: &mut [u16]) {
    let mut rest = *x;
    for part in 0..parts {
        let out = &mut block[part * SIZE..][..DEPTH];
        for i in 0..DEPTH {
            out[i] = upper(rest[i]);
            rest[i] = below(rest[i], out[i]);
        }
    }
}

/// What a number has below its upper half; nothing if it is not finite.
#[inline(always)]
fn below(x: f32, upper: u16) -> f32 {
    let rest = x - f32::from_bits(u32::from(upper) << 16);
    if x.is_finite() { rest } else { 0.0 }
}

/// The upper half of a number; of a NaN, that of one that is NaN without its lower half.
#[inline(always)]
fn upper(x: f32) -> u16 {
    let quiet = if x.is_nan() { 0x40 } else { 0 };
    (x.to_bits() >> 16) as u16 | quiet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_parts_of_a_number_are_the_number() {
        let ends = [0.0, -0.0, 1.0, f32::MAX, -f32::MAX, 1.0 + f32::EPSILON, 1e-30, 0.1, -1.0 / 3.0];
        let patterns = (0..if cfg!(miri) { 100 } else { 10_000u32 }).map(|i| {
            // An exponent between 2⁻¹⁰⁰ and 2¹²⁷, so that the last of the parts is a normal number.
            let bits = i.wrapping_mul(2_654_435_761);
            f32::from_bits(bits & 0x807f_ffff | (27 + bits % 227) << 23)
        });
        for x in ends.into_iter().chain(patterns) {
            let mut block = vec![0; 3 * SIZE];
            split_chunk(&[x; DEPTH], 3, &mut block);
            let part = |i: usize| f64::from(f32::from_bits(u32::from(block[i * SIZE]) << 16));
            assert_eq!(part(0) + part(1) + part(2), f64::from(x), "{x:e}");
        }
    }
}
